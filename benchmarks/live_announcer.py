"""Announce events as the workers do, at a chosen rate."""

import time
import uuid

import orjson
import redis
from channels_redis.serializers import registry

EVENT_BYTES = 500
PREFIX = "backtester__group__batch."


class Announcer:
    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url)
        self.serializer = registry.get_serializer("msgpack")
        self.sequence = 1

    def announce(self, session_id: uuid.UUID, sequence: int, kind: str = "progress") -> None:
        """Publish one event of EVENT_BYTES."""
        event = {"type": kind, "sessionId": str(session_id), "sequence": sequence, "sentAtMs": time.time() * 1000}
        text = orjson.dumps(event | {"filler": ""}).decode()
        text = f'{text[:-2]}{"x" * (EVENT_BYTES - len(text))}"}}'
        message = {
            "type": "batch.event",
            "session": session_id.hex,
            "kind": kind,
            "sequence": sequence,
            "sentAtMs": event["sentAtMs"],
            "text": text,
        }
        self.client.publish(PREFIX + session_id.hex, self.serializer.serialize(message))

    def run(self, batches: list[uuid.UUID], rate: float, seconds: float, *, last: bool = True) -> int:
        """Announce every batch in turn, evenly spread, then their terminal events. Return the number of events."""
        rounds, began = int(seconds * rate), time.monotonic()
        for number in range(rounds * len(batches)):
            at, which = divmod(number, len(batches))
            left = began + number / len(batches) / rate - time.monotonic()
            if left > 0:
                time.sleep(left)
            self.announce(batches[which], self.sequence + at + 1)
        self.sequence += rounds
        time.sleep(1 / rate)  # a terminal event right after the last progress would replace it
        if not last:
            return rounds * len(batches)
        for session_id in batches:
            self.announce(session_id, self.sequence + 1, "complete")
            time.sleep(0.5 / len(batches))
        return (rounds + 1) * len(batches)
