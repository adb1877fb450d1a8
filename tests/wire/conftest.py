"""The surroundings of the recorded session: no Redis, small chunks, empty caches, no people's own strategies."""

from tests.batches.conftest import _no_redis, _small_world  # noqa: F401
