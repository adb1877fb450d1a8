"""The API with its document: what the framework makes of the routes, our schemas, and the stream."""

from typing import Any

from ninja import NinjaAPI, Router
from ninja.operation import Operation

from batches.api.openapi.answers import components
from batches.api.openapi.operations import STREAM
from batches.sweep.wire_names import wire_name

DESCRIPTION = """Sweep symbols x parameters, watch it live, explore every result.

Keys are camelCase. Fractions are decimals (0.487 is 48.7 %), durations are seconds, instants are ISO 8601 in UTC unless
a name ends in `Ms`. What is undefined is `null`. Every refusal has one shape."""


class Routes(Router):
    """A router on which whatever answers GET answers HEAD as well (RFC 9110, 9.1)."""

    def add_api_operation(self, path: str, methods: list[str], *args: Any, **options: Any) -> None:
        """HEAD is no operation of its own: the document leaves it out."""
        super().add_api_operation(path, [*methods, "HEAD"] if "GET" in methods else methods, *args, **options)


class DocumentedAPI(NinjaAPI):
    """NinjaAPI whose document is complete."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The name of a method in a generated client."""
        return wire_name(operation.view_func.__name__)

    def get_openapi_schema(self, **options: Any) -> Any:
        """OpenAPI 3.1."""
        document = super().get_openapi_schema(**options)
        for operations in document["paths"].values():
            operations.pop("head", None)
            for operation in operations.values():
                # Ninja's own statuses are ints, ours strings: as JSON both are "200", and a strict reader refuses that.
                operation["responses"] = {str(status): answer for status, answer in operation["responses"].items()}
        document["components"]["schemas"] |= components()
        document["paths"]["/api/backtest/batch/stream"] = STREAM
        return document
