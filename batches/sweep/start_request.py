"""The request to start a batch: a pydantic model, and one renderer of its errors for the API and the form."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from django.conf import settings
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from backtester.engine import STRATEGIES, get_strategy
from batches.errors import Detail, InvalidRequest
from batches.models import MAX_TAG, MAX_TITLE
from batches.sweep import start_checks
from batches.sweep.start_checks import MAX_DETAILS, Axes, Refused
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.sweep.wire_types import doc
from batches.validators import (
    MAX_TAGS,
    boolean,
    iso_date,
    iso_date_or_moment,
    nearest,
    number,
    shown,
    tags,
    title,
    uuid_text,
    whole,
    wire_limit,
)

LEGACY_INSIDE_RANGES = ("symbols", "startDate", "endDate")  # where older clients put them
LEFT_OUT = ("title", "tags", "timeframes", "holdout", "flat_at_session_end")  # if empty, as older versions stored it
MAX_MESSAGE = 500
MAX_VALUES = settings.BATCH_MAX_AXIS_VALUES


def _complete(schema: dict[str, Any]) -> None:
    """Let optional fields be null, and name the strategies: the user's own are registered when Django starts."""
    fields = schema["properties"]
    for name in fields.keys() - set(schema["required"]):
        outer = {key: fields[name].pop(key) for key in ("title", "description", "default") if key in fields[name]}
        if outer.get("default", ...) is None:
            del outer["default"]
        nullable = fields[name] if "anyOf" in fields[name] else {"anyOf": [fields[name], {"type": "null"}]}
        fields[name] = nullable | outer
    fields["strategy"]["enum"] = list(STRATEGIES)
    fields["direction"]["default"] = "long"
    fields["sortBy"]["default"] = "annualizedReturn"


def _array(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


RANGE = {
    "description": "The values of one parameter, in its unit (see /api/strategies): a list, or steps.",
    "oneOf": [
        _array({"type": "number"}, MAX_VALUES),
        {
            "description": f"From start to stop, stop included; at most {MAX_VALUES:,} values (BATCH_MAX_AXIS_VALUES).",
            "type": "object",
            "properties": {
                "start": {"type": "number", "description": "The first value."},
                "stop": {"type": "number", "description": "The last value; not below start."},
                "step": {"type": "number", "description": "From one value to the next.", "exclusiveMinimum": 0},
            },
            "required": ["start", "stop", "step"],
            "additionalProperties": False,
        },
    ],
}
# A check runs before pydantic's own, so that its words are the ones that are reported.
Name = Annotated[str, BeforeValidator(start_checks.strategy_name)]
LIMIT = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
Limit = Annotated[date, PlainSerializer(wire_limit), WithJsonSchema(LIMIT)]
StartDate = Annotated[Limit, PlainValidator(iso_date_or_moment)]
EndDate = Annotated[Limit, PlainValidator(start_checks.end_date)]
HOLDOUT = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": start_checks.MOST_HELD_OUT},
        {"type": "string", "format": "date"},
    ]
}
Holdout = Annotated[
    float | date,
    PlainValidator(start_checks.holdout),
    PlainSerializer(lambda value: value.isoformat() if isinstance(value, date) else value),
    WithJsonSchema(HOLDOUT),
]
Flag = Annotated[bool, BeforeValidator(boolean)]
Symbols = Annotated[
    tuple[str, ...],
    BeforeValidator(start_checks.symbols),
    WithJsonSchema(_array({"type": "string", "minLength": 1}, settings.BATCH_MAX_SYMBOLS)),
]
Timeframes = Annotated[
    tuple[str, ...],
    BeforeValidator(start_checks.timeframes),
    WithJsonSchema(_array({"type": "string", "pattern": r"^[1-9][0-9]*[mhdw]$"}, start_checks.MAX_TIMEFRAMES)),
]
Ranges = Annotated[
    Axes,
    PlainValidator(start_checks.axes),
    PlainSerializer(lambda axes: {wire_name(name): values for name, values in axes.items()}),
    WithJsonSchema({"type": "object", "additionalProperties": RANGE}),
]
Direction = Annotated[Literal["long", "short", "both"], BeforeValidator(start_checks.direction)]
Coefficients = Annotated[
    tuple[float, ...],
    BeforeValidator(start_checks.coefficients),
    WithJsonSchema(_array({"type": "number", "exclusiveMinimum": 0, "maximum": 100}, MAX_VALUES)),
]
Cost = Annotated[float, BeforeValidator(number(0, 0.5)), Field(ge=0, le=0.5)]
Capital = Annotated[float, BeforeValidator(number(1e-6, 1e15)), Field(ge=1e-6, le=1e15)]
Metric = Annotated[
    str,
    BeforeValidator(start_checks.metric),
    PlainSerializer(wire_name),
    Field(json_schema_extra={"enum": list(METRICS_BY_WIRE_NAME)}),
]
Timeout = Annotated[
    int,
    BeforeValidator(start_checks.timeout),
    Field(ge=1, json_schema_extra={"maximum": settings.BATCH_TIMEOUT_MAX_S}),
]
Share = Annotated[float, BeforeValidator(number(0, 1)), Field(ge=0, le=1)]
Tests = Annotated[int, BeforeValidator(whole(1, 10**9)), Field(ge=1, le=10**9)]
Uuid = Annotated[uuid.UUID, BeforeValidator(uuid_text)]
Title = Annotated[str, BeforeValidator(title), WithJsonSchema({"type": "string", "maxLength": MAX_TITLE})]
Tags = Annotated[
    tuple[str, ...],
    BeforeValidator(tags),
    WithJsonSchema(
        {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": MAX_TAG}, "maxItems": MAX_TAGS}
    ),
]


def _setting(name: str, **options: Any) -> Any:
    """Return a field whose default is a setting, read for each request."""
    shown_default = {"default": getattr(settings, name)}
    return Field(default_factory=lambda: getattr(settings, name), json_schema_extra=shown_default, **options)


class StartRequest(BaseModel):
    """A batch: symbols x coefficients x every range, less the combinations that the strategy's constraints exclude.

    At most BATCH_MAX_COMBINATIONS are left. A field that is null counts as left out.
    """

    model_config = ConfigDict(alias_generator=wire_name, extra="forbid", frozen=True, json_schema_extra=_complete)

    # Problems are reported in this order, and a check sees the fields above its own.
    strategy: Annotated[Name, doc("A name of /api/strategies.")]
    start_date: Annotated[StartDate | None, doc("First day, or moment, to test; from the first bar when left out.")] = (
        None
    )
    end_date: Annotated[
        EndDate | None, doc("Last day, or moment, to test, included; to the last bar when left out.")
    ] = None
    holdout: Annotated[
        Holdout | None,
        doc(
            "The last part of the days to lock: a fraction of them, or the first locked day. Nothing is computed "
            "on locked days until one row is evaluated on them (POST …/holdout)."
        ),
    ] = None
    beta_scaling: Annotated[Flag, doc("Multiply every percentage parameter by beta x coefficient.")] = Field(
        False, alias="enableBetaScaling"
    )
    symbols: Annotated[Symbols, doc("Symbols of /api/instruments, in any case (BATCH_MAX_SYMBOLS).")]
    timeframes: Annotated[
        Timeframes,
        doc(
            "Lengths of the tested bars, an axis after the symbols: 5m, 4h, 1d, 1w, each at least the stored bars "
            "of every symbol and a multiple of them. By default the stored bars are tested."
        ),
    ] = ()
    axes: Annotated[
        Ranges,
        doc(
            "The values of each parameter of the strategy. One left out has its default. Older clients put "
            "symbols, startDate and endDate here; they are taken from here too."
        ),
    ] = Field({}, alias="parameterRanges", validate_default=True)
    direction: Annotated[Direction, doc("Which side may be traded, if the strategy can.")] = Field(
        None, validate_default=True
    )
    coefficients: Annotated[
        Coefficients, doc("With beta scaling, one more axis of the sweep: the ratios that beta is multiplied by.")
    ] = (1.0,)
    fees: Annotated[Cost, doc("Fraction of the traded value, on each side.")] = 0.0
    slippage: Annotated[Cost, doc("Fraction of the price, to our disadvantage.")] = 0.0
    initial_capital: Annotated[Capital, doc("In the currency of the prices.")] = 100_000.0
    whole_shares: Annotated[Flag, doc("Buy whole shares only.")] = False
    flat_at_session_end: Annotated[
        Flag,
        doc(
            "Close every position on the last bar of each day of the exchange. For signal strategies, on bars "
            "within a day."
        ),
    ] = False
    sort_by: Annotated[Metric, doc("The metric that ranks.")] = "annualized_return"
    include_comparison: Annotated[Flag, doc("Add buy and hold of each symbol to the results.")] = True
    timeout_s: Annotated[Timeout, doc("The deadline in seconds; paused time does not count (BATCH_TIMEOUT_MAX_S).")] = (
        _setting("BATCH_TIMEOUT_S", alias="timeoutSeconds")
    )
    abort_failure_share: Annotated[
        Share, doc("End the batch when a larger share (a fraction) of its tests failed; 1: never.")
    ] = _setting("BATCH_ABORT_FAILURE_SHARE")
    abort_minimum_tests: Annotated[Tests, doc("Number of finished tests before that share counts.")] = _setting(
        "BATCH_ABORT_MINIMUM_TESTS"
    )
    title: Annotated[
        Title,
        doc("What to call the batch; by default its strategy, ranges and symbols. It can be changed later (PATCH)."),
    ] = ""
    tags: Annotated[Tags, doc("Words to find it by; without commas. They can be changed later (PATCH).")] = ()
    session_id: Annotated[Uuid | None, doc("An id of your choice: the same request sent twice starts one batch.")] = (
        None
    )

    @model_validator(mode="before")
    @classmethod
    def _normalize(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        """Move what older clients put inside the ranges, and leave out what is null."""
        values = dict(data)
        if isinstance(values.get("parameterRanges"), Mapping):
            values["parameterRanges"] = ranges = dict(values["parameterRanges"])
            for name in LEGACY_INSIDE_RANGES:
                inside = ranges.pop(name, None)
                if values.get(name) is None:
                    values[name] = inside
        unknown = [name for name in values if name not in FIELDS][:MAX_DETAILS]
        return {name: values[name] for name in unknown} | {
            name: value for name, value in values.items() if name in FIELDS and value is not None
        }

    def as_json(self) -> dict[str, Any]:
        """Return the stored and compared form: equal requests give equal JSON, however they were spelled."""
        unset = {name for name in LEFT_OUT if not getattr(self, name)}
        return self.model_dump(mode="json", by_alias=True, exclude={"session_id", *unset})

    def until(self, last: date | None) -> "StartRequest":
        """Return the request that ends on this day, if it has to."""
        return self if last is None else self.model_copy(update={"end_date": last})

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "StartRequest":
        """Return a stored request without checking it again: limits may be lower than when it was accepted."""
        ranges = stored["parameterRanges"]
        parameters = get_strategy(stored["strategy"]).all_parameters
        axes = {item.name: ranges[wire_name(item.name)] for item in parameters if wire_name(item.name) in ranges}
        dates = {name: stored[name] and iso_date_or_moment(stored[name]) for name in ("startDate", "endDate")}
        held_out = stored.get("holdout")
        dates["holdout"] = iso_date(held_out) if isinstance(held_out, str) else held_out
        sort_by = METRICS_BY_WIRE_NAME[stored["sortBy"]].name
        lists = {name: tuple(stored.get(name, ())) for name in ("symbols", "timeframes", "coefficients", "tags")}
        return cls.model_construct(**{**stored, **dates, **lists, "parameterRanges": axes, "sortBy": sort_by})


FIELDS = frozenset(str(field.alias) for field in StartRequest.model_fields.values())


def parse_start(data: object) -> StartRequest:
    """Check the body of a start; InvalidRequest carries a detail for every problem."""
    if not isinstance(data, Mapping):
        raise InvalidRequest(Detail("", f"The body must be a JSON object, got {shown(data)}."))
    try:
        return StartRequest.model_validate(data)
    except ValidationError as error:
        # Unknown fields first: pydantic reports them last.
        problems = sorted(error.errors(include_url=False), key=lambda problem: problem["type"] != "extra_forbidden")
        details = [detail for problem in problems for detail in _details(dict(problem))][:MAX_DETAILS]
        raise InvalidRequest(*(Detail(item.field[:80], item.message[:MAX_MESSAGE]) for item in details)) from None


def _details(problem: dict[str, Any]) -> Iterable[Detail]:
    name = str(problem["loc"][0])[:60]
    if problem["type"] == "extra_forbidden":
        return [Detail(name, f"Unknown field {shown(name)}.{nearest(name, FIELDS)}")]
    if problem["type"] == "missing":
        return [Detail(name, f"{name} is missing.")]
    reason = problem["ctx"]["error"]
    if isinstance(reason, Refused):
        return reason.details
    hint = getattr(reason, "hint", "")
    return [Detail(name, f"{name} must be {reason}, got {shown(problem['input'])}.{hint}")]
