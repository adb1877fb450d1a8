"""The market and the batches of the app's own tests."""

from tests.batches.api.conftest import client, post  # noqa: F401
from tests.batches.conftest import (  # noqa: F401
    _no_redis,
    _small_world,
    finished,
    halfway,
    instruments,
    published,
    queued,
    quick,
    start,
    submitted,
    worker,
)
