"""Whole pages, and the parts of them that htmx requests, at the same addresses."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers


def is_htmx(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx requests a fragment: to restore a page of the browser's history, it requests the whole one."""
    return is_htmx(request) and not request.headers.get("HX-History-Restore-Request")


def page_or_part(request: HttpRequest, page: str, part: str, context: dict[str, Any]) -> HttpResponse:
    """Render the whole page or the fragment, never from a cache: both change every second."""
    response = render(request, part if wants_part(request) else page, context)
    patch_vary_headers(response, ["HX-Request"])
    patch_cache_control(response, no_store=True)
    return response
