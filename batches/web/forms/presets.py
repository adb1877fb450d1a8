"""Named query strings: examples of the form, and what users save of the form and of the list of batches."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet

from backtester.engine import STRATEGIES
from batches.errors import Detail, InvalidRequest
from batches.models import Preset

MAX_NAME = 60  # of its column
MAX_PRESETS = 200  # of one owner and page
FORM, BATCHES = Preset.Page.FORM, Preset.Page.BATCHES
NOUNS = {FORM: ("preset", "presets"), BATCHES: ("filter", "filters")}


@dataclass(frozen=True)
class Example:
    title: str
    query: str
    description: str


EXAMPLES = (
    Example("SMA cross, 5,000 tests", "strategy=sma_cross&fast=2:20:2&slow=25:145:5", "Seconds on any machine."),
    Example(
        "Grid DCA, scaled by beta",
        "strategy=grid_dca&gridInterval=0.02:0.1:0.01&profitRequirement=0.05:0.3:0.05&trailingStop=0,0.05&maxLots=5,10"
        "&enableBetaScaling=true&coefficients=0.5,1,1.5",
        "Wider grids for more volatile symbols.",
    ),
    Example(
        "SMA cross with stops, by Sharpe ratio", "strategy=sma_cross&stopLoss=0:0.2:0.05&sortBy=sharpe", "Which stop?"
    ),
    Example("A million tests", "strategy=sma_cross&fast=2:200:1&slow=205:454:1", "For a map in full detail."),
)


def examples() -> list[Example]:
    """Return the examples, then every strategy with its suggested ranges."""
    return [
        *EXAMPLES,
        *(
            Example(strategy.title, f"strategy={strategy.name}", strategy.description)
            for strategy in STRATEGIES.values()
        ),
    ]


def presets_of(user: User | AnonymousUser, page: Preset.Page = FORM) -> QuerySet[Preset]:
    """Return what the user saved of a page; without a login, what has no owner."""
    return Preset.objects.filter(owner=_owner(user), page=page)


def save_preset(user: User | AnonymousUser, name: str, query: str, page: Preset.Page = FORM) -> Preset:
    """Save a query string under a name, in place of an earlier one of that name."""
    name = " ".join(name.split())
    noun, nouns = NOUNS[page]
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidRequest(Detail("name", f"The name of a {noun} must have 1 to {MAX_NAME} characters."))
    presets, limit = presets_of(user, page), MAX_PRESETS
    if presets.count() >= limit and not presets.filter(name=name).exists():
        raise InvalidRequest(Detail("name", f"There are {limit:,} {nouns} already. Delete one first."))
    preset, _ = Preset.objects.update_or_create(owner=_owner(user), page=page, name=name, defaults={"query": query})
    return preset


def _owner(user: User | AnonymousUser) -> User | None:
    return user if user.is_authenticated else None
