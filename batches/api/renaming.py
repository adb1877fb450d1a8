"""Check the body that changes the title and the tags of a batch."""

from collections.abc import Mapping
from typing import Any

from batches.errors import Detail, InvalidRequest
from batches.validators import nearest, shown, tags, title

CHECKS: Mapping[str, Any] = {"title": title, "tags": tags}
MAX_UNKNOWN = 20


def changes_of(body: Any) -> dict[str, Any]:
    """Return the checked fields, or raise InvalidRequest with a detail for each problem."""
    if not isinstance(body, Mapping):
        raise InvalidRequest(Detail("", f"The body must be a JSON object, got {shown(body)}."))
    unknown = [str(name)[:60] for name in body if name not in CHECKS][:MAX_UNKNOWN]
    details = [Detail(name, f"Unknown field {shown(name)}.{nearest(name, CHECKS)}") for name in unknown]
    changes: dict[str, Any] = {}
    for name, check in CHECKS.items():
        if name not in body:
            continue
        empty: Any = "" if name == "title" else []
        try:
            changes[name] = check(empty if body[name] is None else body[name])
        except ValueError as reason:
            details.append(Detail(name, f"{name} must be {reason}, got {shown(body[name])}."))
    if not body:
        details.append(Detail("title", "title and tags are missing; one of them must be given."))
    if details:
        raise InvalidRequest(*details)
    return changes
