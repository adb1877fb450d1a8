"""Whole pages and the parts of them that htmx asks for, under the same addresses."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers


def is_htmx(request: HttpRequest) -> bool:
    """Whether a script of ours asks, which puts the answer into a page."""
    return bool(getattr(request, "htmx", False))


def wants_part(request: HttpRequest) -> bool:
    """A fragment, except when htmx rebuilds a page of the history."""
    return is_htmx(request) and not request.headers.get("HX-History-Restore-Request")


def page_or_part(request: HttpRequest, page: str, part: str, context: dict[str, Any]) -> HttpResponse:
    """The whole page or the fragment under one address, never from a cache: both change from one second to the next."""
    response = render(request, part if wants_part(request) else page, context)
    patch_vary_headers(response, ["HX-Request"])
    patch_cache_control(response, no_store=True)
    return response
