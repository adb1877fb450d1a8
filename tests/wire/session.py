"""A session with the site that visits every route of the API, every kind of event and as many refusals as it can."""

from django.test import override_settings

from . import inside
from .batches import estimates, life, starts, unknown_batches
from .catalog import catalogue
from .events import live_events, pings, refused_streams
from .exchanges import Wire
from .price_files import bad_files, good_files
from .refused_requests import doors, refusals
from .results import methods, results, scaled_results
from .team import team

SCENES = (
    good_files, bad_files, catalogue, refusals, doors, estimates, life, starts, unknown_batches, results,
    scaled_results, methods, refused_streams, live_events, pings, team,
)  # fmt: skip


async def play():
    """Return the exchanges of the whole session, in their order."""
    wire = Wire()
    with inside.steady(), override_settings(CORS_ALLOWED_ORIGINS=["http://friend.example"]):
        for scene in SCENES:
            await scene(wire)
    wire.check_routes()
    return wire.exchanges
