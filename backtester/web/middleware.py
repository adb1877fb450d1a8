"""What our middleware has in common: it answers synchronously and asynchronously, as Django's own `MiddlewareMixin`
does, but without a thread for its hooks, because none of them waits for anything."""

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
Answer = HttpResponseBase | Awaitable[HttpResponseBase]


class Middleware:
    """Subclasses have one of the hooks, or both."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        if self.is_async:
            return self.answer_later(request)
        refused = self.process_request(request)
        return refused or self.process_response(request, cast(HttpResponseBase, self.get_response(request)))

    async def answer_later(self, request: HttpRequest) -> HttpResponseBase:
        """The same, inside an event loop."""
        if refused := self.process_request(request):
            return refused
        return self.process_response(request, await cast(Awaitable[HttpResponseBase], self.get_response(request)))

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """The answer to what goes no further; None: the rest of the program answers."""
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The response as it leaves."""
        return response
