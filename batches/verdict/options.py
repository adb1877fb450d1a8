"""The options of a verdict, checked field by field."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from batches.errors import Detail, InvalidRequest
from batches.validators import boolean, nearest, one_of, shown, whole

MOST_BARS = 10**7


@dataclass(frozen=True)
class Options:
    """benchmark : "hold" or "zero"; blocks, splits : of the cross-validation; replicates, groups : of the bootstrap

    shuffles, shuffle_block : draws of the shuffle test, and days that stay together; train, test, gap : bars of the
    walk-forward windows, None: by length; anchored : whether training starts at the first bar; seed : of all draws
    """

    benchmark: str = "hold"
    blocks: int = 16
    splits: int = 1024
    replicates: int = 1000
    groups: int = 128
    shuffles: int = 199
    shuffle_block: int = 1
    train: int | None = None
    test: int | None = None
    gap: int = 0
    anchored: bool = False
    seed: int = 1

    @classmethod
    def parse(cls, body: object) -> "Options":
        """Check a request, or raise InvalidRequest. A field that is null counts as left out."""
        if not isinstance(body, Mapping):
            raise InvalidRequest(Detail("", f"The body must be a JSON object, got {shown(body)}."))
        details, values = [], {}
        for name, value in body.items():
            if name not in CHECKS:
                details.append(Detail(str(name)[:60], f"Unknown field {shown(name)}.{nearest(str(name), CHECKS)}"))
            elif value is not None:
                try:
                    values[CHECKS[name][0]] = CHECKS[name][1](value)
                except ValueError as error:
                    hint = getattr(error, "hint", "")
                    details.append(Detail(name, f"{name} must be {error}, got {shown(value)}.{hint}"))
        step = values.pop("step", None)
        if step is not None and step != values.get("test"):
            message = f"step must be the length of test, so that no bar is tested twice, got {step}."
            details.append(Detail("step", message))
        if (values.get("train") is None) != (values.get("test") is None):
            details.append(Detail("train", "train and test must be given together."))
        if details:
            raise InvalidRequest(*details)
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        values = asdict(self)
        return {wire: values[name] for wire, (name, _) in CHECKS.items() if name != "step"}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Options":
        return cls(**{CHECKS[name][0]: value for name, value in stored.items()})


def _even(low: int, high: int) -> Any:
    check = whole(low, high)

    def even(value: Any) -> int:
        try:
            number = check(value)
        except ValueError:
            number = 1
        if number % 2:
            raise ValueError(f"an even integer between {low} and {high}")
        return number

    return even


BARS = whole(2, MOST_BARS)
CHECKS: dict[str, tuple[str, Any]] = {
    "benchmark": ("benchmark", one_of(("hold", "zero"))),
    "blocks": ("blocks", _even(4, 16)),
    "splits": ("splits", _even(2, 20_000)),
    "replicates": ("replicates", whole(99, 10_000)),
    "groups": ("groups", whole(16, 512)),
    "shuffles": ("shuffles", whole(0, 9_999)),
    "shuffleBlock": ("shuffle_block", whole(1, 1_000)),
    "train": ("train", BARS),
    "test": ("test", BARS),
    "step": ("step", BARS),
    "gap": ("gap", whole(0, 10_000)),
    "anchored": ("anchored", boolean),
    "seed": ("seed", whole(0, 2**31 - 1)),
}
DEFAULTS = Options()
assert {name for name, _ in CHECKS.values()} - {"step"} == {field.name for field in fields(Options)}
