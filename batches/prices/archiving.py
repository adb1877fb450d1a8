"""Archive instruments, so that new batches are not offered them, and restore them. Batches and prices stay."""

from collections.abc import Sequence

from batches.errors import NotFound
from batches.models import Instrument
from batches.symbols import normalized


def set_archived(symbols: Sequence[str], archived: bool) -> tuple[str, ...]:
    """Archive or restore the instruments and return their symbols; NotFound if none of them is stored."""
    names = [name for name in map(normalized, symbols) if name.isprintable()]
    instruments = Instrument.objects.filter(symbol__in=names)
    stored = tuple(instruments.values_list("symbol", flat=True))
    if not stored:
        raise NotFound("instrument")
    instruments.update(is_archived=archived)
    return stored
