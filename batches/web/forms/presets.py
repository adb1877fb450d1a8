"""Configurations of the form under a name: the examples that come with it, and those that people keep."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from backtester.engine import STRATEGIES
from batches.errors import Detail, InvalidRequest
from batches.models import Preset

LONGEST_NAME = 60  # what its column takes


@dataclass(frozen=True)
class Example:
    """A link with its title."""

    title: str
    query: str


SHOWPIECES = (
    Example("SMA cross, 5,000 tests", "strategy=sma_cross&fast=2:20:2&slow=25:145:5"),
    Example(
        "Grid DCA, scaled by beta",
        "strategy=grid_dca&gridInterval=0.02:0.1:0.01&profitRequirement=0.05:0.3:0.05&trailingStop=0,0.05&maxLots=5,10"
        "&enableBetaScaling=true&coefficients=0.5,1,1.5",
    ),
    Example("SMA cross with stops, by Sharpe ratio", "strategy=sma_cross&stopLoss=0:0.2:0.05&sortBy=sharpe"),
    Example("A million tests", "strategy=sma_cross&fast=2:200:1&slow=205:454:1"),
)


def examples() -> list[Example]:
    """The showpieces, then every strategy with the ranges that it suggests."""
    return [*SHOWPIECES, *(Example(each.title, f"strategy={each.name}") for each in STRATEGIES.values())]


def presets_of(user: Any) -> QuerySet[Preset]:
    """Those of a user; without a login, those of the installation."""
    return Preset.objects.filter(owner=_owner(user))


def keep(user: Any, name: str, query: str) -> Preset:
    """Store a configuration under a name; the name's former one gives way."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidRequest(Detail("name", f"A preset wants a name of 1 to {LONGEST_NAME} letters."))
    known = presets_of(user)
    limit = settings.PRESETS_MAX
    if known.count() >= limit and not known.filter(name=name).exists():
        raise InvalidRequest(Detail("name", f"There are {limit:,} presets already (PRESETS_MAX); delete one first."))
    preset, _ = Preset.objects.update_or_create(owner=_owner(user), name=name, defaults={"query": query})
    return preset


def _owner(user: Any) -> Any:
    return user if user.is_authenticated else None
