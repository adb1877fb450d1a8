"""Find blocks that are not what was stored, as a failing disk leaves them. Their chunks are read as failed ones."""

import threading
import uuid
import zlib
from collections import OrderedDict
from collections.abc import Iterable

from django.db.models.functions import Length

from batches.models import BatchSession, ChunkStatus, ResultChunk

REASON = "The stored result is damaged and cannot be read. A retry runs this test again."
SMALL_BYTES = 1024 * 1024  # the blocks of a small batch are checked at each read, others once by each process
CHECKED_BATCHES = 256
CHUNKS_AT_ONCE = 8

Span = tuple[int, int]
_intact: OrderedDict[uuid.UUID, set[int]] = OrderedDict()  # ids of chunks, by batch
_lock = threading.Lock()  # the parts of a page are requested together


def checksum(block: bytes | memoryview) -> int:
    return zlib.crc32(block)


def is_intact(chunk: ResultChunk) -> bool:
    """Return whether the block of a finished chunk is what was stored; of older versions, whether its size is right."""
    if chunk.block is None or not _fits(len(chunk.block), chunk.stop - chunk.start):
        return False
    return chunk.crc32 is None or chunk.crc32 == checksum(chunk.block)


def checked(chunk: ResultChunk) -> ResultChunk:
    """Return the chunk, as a failed one if its block is damaged."""
    if chunk.status == ChunkStatus.DONE and not is_intact(chunk):
        chunk.status, chunk.block = ChunkStatus.FAILED, None
        chunk.failures = [[REASON, [[chunk.start, chunk.stop]]]]
    return chunk


def damaged_chunks(session: BatchSession, *, checksums: bool = True) -> dict[int, Span]:
    """Return the first test and the one past the last of each finished chunk that cannot be read, by id.

    checksums : whether to read the blocks, or to compare their sizes only
    """
    done = ResultChunk.objects.filter(session=session, status=ChunkStatus.DONE)
    rows = list(done.annotate(size=Length("block")).values_list("pk", "start", "stop", "size"))
    spans = {pk: (start, stop) for pk, start, stop, _ in rows}
    damaged = {pk for pk, start, stop, size in rows if size is None or not _fits(size, stop - start)}
    if checksums:
        is_small = sum(size or 0 for *_, size in rows) <= SMALL_BYTES
        damaged |= _changed(session, spans.keys() - damaged, again=is_small)
    return {pk: spans[pk] for pk in sorted(damaged, key=lambda pk: spans[pk])}


def _changed(session: BatchSession, ids: Iterable[int], *, again: bool) -> set[int]:
    """Return the chunks whose block does not have its checksum. again : also of those that were checked before"""
    with _lock:
        intact = _intact.pop(session.pk, set())
        _intact[session.pk] = intact
        while len(_intact) > CHECKED_BATCHES:
            _intact.popitem(last=False)
        unchecked = sorted(ids if again else set(ids) - intact)
        changed = set()
        for at in range(0, len(unchecked), CHUNKS_AT_ONCE):
            some = ResultChunk.objects.filter(pk__in=unchecked[at : at + CHUNKS_AT_ONCE], crc32__isnull=False)
            rows = some.values_list("pk", "block", "crc32")
            changed |= {pk for pk, block, crc32 in rows if crc32 != checksum(block or b"")}
        intact |= set(unchecked) - changed
    return changed


def _fits(size: int, tests: int) -> bool:
    """Return whether a block has whole rows. Older blocks have fewer of them, so any number is right."""
    return size > 0 and size % (8 * tests) == 0
