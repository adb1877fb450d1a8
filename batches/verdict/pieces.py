"""Which positions of a stage are still to be worked on, and which of them a worker has claimed."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Piece:
    """The positions [start, stop) of a stage.

    attempts : claims so far; claimed_by, until_s, token : of the claim that holds it, "" and 0 if it is free
    """

    start: int
    stop: int
    attempts: int = 0
    claimed_by: str = ""
    until_s: float = 0.0
    token: str = ""

    @property
    def size(self) -> int:
        return self.stop - self.start


@dataclass
class Pieces:
    """Those of one stage that are not finished, in order."""

    all: list[Piece]

    @classmethod
    def whole(cls, size: int) -> "Pieces":
        return cls([Piece(0, size)] if size else [])

    @classmethod
    def load(cls, stored: Iterable[dict[str, Any]] | None) -> "Pieces":
        return cls([Piece(**values) for values in stored or ()])

    def as_json(self) -> list[dict[str, Any]]:
        return [dict(vars(piece)) for piece in self.all]

    @property
    def left(self) -> int:
        return sum(piece.size for piece in self.all)

    def held(self, now: datetime) -> list[Piece]:
        """Return the pieces that are claimed. Those whose lease ran out become free."""
        self.free(lambda piece: piece.until_s <= now.timestamp())
        return [piece for piece in self.all if piece.token]

    def claim(self, most: int, process: str, now: datetime, until: datetime) -> Piece | None:
        """Claim at most so many of the first free positions, or a piece that was tried before, alone and whole.

        If that one kills its worker again, no other one is blamed for it.
        """
        self.held(now)
        piece = next((piece for piece in self.all if not piece.token), None)
        if piece is None:
            return None
        claimed = replace(
            piece, stop=piece.stop if piece.attempts else min(piece.stop, piece.start + most),
            attempts=piece.attempts + 1, claimed_by=process, until_s=until.timestamp(), token=uuid.uuid4().hex,
        )  # fmt: skip
        self._replace(piece, claimed, Piece(claimed.stop, piece.stop))
        return claimed

    def find(self, token: str) -> Piece | None:
        return next((piece for piece in self.all if piece.token == token), None)

    def finish(self, token: str, stop: int) -> None:
        """Take out a claimed piece up to a position; the rest of it is free again."""
        piece = self.find(token)
        if piece:
            self._replace(piece, Piece(stop, piece.stop))

    def free(self, is_lost: Callable[[Piece], bool]) -> bool:
        """Free the claimed pieces that are lost. Return whether there was any."""
        lost = [piece for piece in self.all if piece.token and is_lost(piece)]
        for piece in lost:
            self._replace(piece, Piece(piece.start, piece.stop, piece.attempts))
        return bool(lost)

    def claimable_at(self, *, is_alone: bool) -> datetime | None:
        """Return when a worker may claim again, None for now. is_alone : whether only one may at a time"""
        held = [piece.until_s for piece in self.all if piece.token]
        if not held or (not is_alone and len(held) < len(self.all)):
            return None
        return datetime.fromtimestamp(min(held), tz=UTC)

    def _replace(self, piece: Piece, *others: Piece) -> None:
        """Put others in the place of a piece, without empty ones, and join neighbors that are free and not tried."""
        kept = [other for other in self.all if other is not piece]
        self.all = []
        for other in sorted((*kept, *(new for new in others if new.size)), key=lambda item: item.start):
            before = self.all[-1] if self.all else other
            if before.stop == other.start and _is_untouched(before) and _is_untouched(other):
                self.all[-1] = Piece(before.start, other.stop)
            else:
                self.all.append(other)


def _is_untouched(piece: Piece) -> bool:
    return not piece.token and not piece.attempts
