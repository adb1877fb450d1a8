"""The base of our middleware.

Unlike Django's `MiddlewareMixin` it runs the hooks of asynchronous requests in the event loop, not in a thread: none of
them blocks.
"""

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
Answer = HttpResponseBase | Awaitable[HttpResponseBase]


class Middleware:
    """Subclasses override hooks, or `answer` and `answer_async`."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        return self.answer_async(request) if self.is_async else self.answer(request)

    def answer(self, request: HttpRequest) -> HttpResponseBase:
        refusal = self.process_request(request)
        return refusal or self.process_response(request, self.next(request))

    async def answer_async(self, request: HttpRequest) -> HttpResponseBase:
        refusal = self.process_request(request)
        return refusal or self.process_response(request, await self.next_async(request))

    def next(self, request: HttpRequest) -> HttpResponseBase:
        return cast(HttpResponseBase, self.get_response(request))

    async def next_async(self, request: HttpRequest) -> HttpResponseBase:
        return await cast(Awaitable[HttpResponseBase], self.get_response(request))

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:  # noqa: ARG002
        """Return a response to refuse the request, None to pass it on."""
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:  # noqa: ARG002
        return response
