"""Every address of the site, from the URL resolver, so that a new one cannot be forgotten."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    """Yield each route once, such as `batches/<uuid:session_id>/`. Those of regular expressions are Django's own."""
    seen = set()
    for pattern in (resolver or get_resolver()).url_patterns:
        if not isinstance(pattern.pattern, RoutePattern):
            continue
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif isinstance(pattern, URLPattern) and route not in seen:
            seen.add(route)
            yield route


def address(route: str, arguments: Mapping[str, Any]) -> str:
    """Fill in the arguments of a route; KeyError for one that has no value here."""
    return "/" + ARGUMENT.sub(lambda match: str(arguments[match[1]]), route)


def arguments_of(route: str) -> set[str]:
    return set(ARGUMENT.findall(route))
