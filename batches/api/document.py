"""The API with its document: what the framework makes of the routes, our schemas, and the stream."""

from typing import Any

from ninja import NinjaAPI
from ninja.operation import Operation

from batches.openapi.answers import components
from batches.openapi.operations import STREAM
from batches.schemas import wire_name

DESCRIPTION = """Sweep symbols x parameters, watch it live, explore every result.

Keys are camelCase. Fractions are decimals (0.487 is 48.7 %), durations are seconds, instants are ISO 8601 in UTC unless
a name ends in `Ms`. What is undefined is `null`. Every refusal has one shape."""


class DocumentedAPI(NinjaAPI):
    """NinjaAPI whose document is complete."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The name of a method in a generated client."""
        return wire_name(operation.view_func.__name__)

    def get_openapi_schema(self, **options: Any) -> Any:
        """OpenAPI 3.1."""
        document = super().get_openapi_schema(**options)
        document["components"]["schemas"] |= components()
        document["paths"]["/api/backtest/batch/stream"] = STREAM
        return document
