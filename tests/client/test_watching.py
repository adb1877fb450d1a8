"""The decisions of a watcher, without a socket."""

import json

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from backtester.client import NotFound, NotSignedIn, Refused, Unreachable
from backtester.client.watching import EVENT_STREAM, POLLING, TRANSPORTS, WEBSOCKET, EventStreamParser, Watch


def message(sequence, kind="progress", **fields):
    return json.dumps({"type": kind, "sequence": sequence, **fields})


@pytest.fixture
def watch():
    return Watch()


def received(watch, *texts):
    return [event.sequence for text in texts if (event := watch.receive(text)) is not None]


def closed_with(code):
    return ConnectionClosedError(Close(code, ""), None)


def test_events_that_are_not_newer_are_left_out_also_after_a_reconnect(watch):
    assert received(watch, message(3, "connected"), message(5), message(4), message(5)) == [3, 5]
    watch.connection_lost(OSError("cut"), now=0.0)
    assert received(watch, message(5, "connected"), message(7)) == [7]


def test_it_ends_with_the_terminal_event_alone(watch):
    watch.receive(message(8, "connected", status="complete"))
    assert not watch.ended
    event = watch.receive(message(9, "complete", results={"totalCombinations": 3}))
    assert event.is_terminal
    assert event.results == {"totalCombinations": 3}
    assert watch.ended


def test_a_field_of_a_newer_server_is_in_the_raw_event(watch):
    event = watch.receive(message(1, bestSoFar={"index": 2}, novelty=[1]))
    assert event.best_so_far == {"index": 2}
    assert event.raw["novelty"] == [1]


def test_a_transport_that_never_worked_gives_way_to_the_next_one(watch):
    tried = []
    for _ in range(4):
        tried.append(watch.transport)
        watch.connection_lost(OSError("refused"), now=0.0)
    assert tried == [WEBSOCKET, EVENT_STREAM, POLLING, WEBSOCKET]


def test_after_a_connection_that_worked_the_best_way_is_tried_first(watch):
    watch.transport_index = TRANSPORTS.index(EVENT_STREAM)
    received(watch, message(1))
    watch.connection_lost(OSError("cut"), now=0.0)
    assert watch.transport == WEBSOCKET  # the best one: what was in its way may be gone


def test_pauses_grow_are_spread_and_have_an_end(watch):
    pauses = [watch.connection_lost(OSError("refused"), now=0.0) for _ in range(200)]
    assert pauses[0] <= 0.3
    assert 4 < max(pauses) <= 8
    assert len(set(pauses)) == len(pauses)


def test_a_stream_that_ends_by_design_is_opened_again_at_once(watch):
    received(watch, message(1))
    assert watch.stream_ended() == 0.0
    later = [watch.stream_ended() for _ in range(100)]
    assert max(later) > 1, "streams that end again and again are not opened in a hurry"


@pytest.mark.parametrize(("code", "error"), [(4404, NotFound), (4401, NotSignedIn)])
def test_a_final_close_code_is_final(watch, code, error):
    with pytest.raises(error):
        watch.connection_lost(closed_with(code), now=0.0)


@pytest.mark.parametrize("code", [1006, 1011, 1012, 4408, 4429])
def test_other_close_codes_are_not(watch, code):
    watch.connection_lost(closed_with(code), now=0.0)


def test_a_refusal_on_the_stream_is_final_unless_the_server_is_full(watch):
    with pytest.raises(NotFound, match="no such batch") as refusal:
        watch.receive('{"success": false, "error": "There is no such batch.", "code": "NOT_FOUND"}')
    with pytest.raises(NotFound):
        watch.connection_lost(refusal.value, now=0.0)
    with pytest.raises(Refused) as full:
        watch.receive('{"success": false, "error": "No room.", "code": "LIMIT_REACHED"}')
    watch.connection_lost(full.value, now=0.0)


def test_it_gives_up_sooner_when_no_event_ever_came(watch):
    watch.connection_lost(OSError("refused"), now=100.0)
    watch.connection_lost(OSError("refused"), now=129.0)
    with pytest.raises(Unreachable, match="No event for 30 s: refused"):
        watch.connection_lost(OSError("refused"), now=131.0)


def test_patience_starts_when_the_connection_is_lost(watch):
    received(watch, message(1))
    watch.connection_lost(OSError("cut"), now=10_000.0)
    watch.connection_lost(OSError("refused"), now=10_299.0)
    received(watch, message(1, "connected"))  # back again, with nothing new
    watch.connection_lost(OSError("cut"), now=20_000.0)
    with pytest.raises(Unreachable, match="300 s"):
        watch.connection_lost(OSError("refused"), now=20_301.0)


def test_a_message_that_is_not_an_event_is_an_error(watch):
    with pytest.raises(Unreachable, match="is the address right"):
        watch.receive("<html>")
    with pytest.raises(Unreachable, match="is the address right"):
        watch.receive("[]")


def test_the_bytes_of_a_stream_may_be_cut_anywhere():
    lines = b': heartbeat\n\nid: 1\r\nevent: progress\r\ndata: {"a": "\xe2\x80\xa8"}\r\n\r\n'
    lines += b"retry: 300\n\ndata: 2\ndata: 3\n\n"
    for size in (1, 2, 5, len(lines)):
        parser = EventStreamParser()
        parts = [lines[at : at + size] for at in range(0, len(lines), size)]
        assert [data for part in parts for data in parser.feed(part)] == ['{"a": "\u2028"}', "2\n3"]
