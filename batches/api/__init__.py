"""The HTTP API: each route parses its input, calls one function, and answers."""

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from ninja.errors import ValidationError

from batches.api import control, history, holdout, market, results, starting, verdict
from batches.api.answers import answer
from batches.api.document import DESCRIPTION, DocumentedAPI
from batches.api.reference import Reference
from batches.errors import BatchError, Detail, InvalidRequest
from batches.ops import storage

api = DocumentedAPI(
    title="Backtester",
    version="1",
    description=DESCRIPTION,
    docs=Reference(),
    docs_url="/docs",
    urls_namespace="api",
)
ROUTES = {
    "Batches": (starting, control, history),
    "Results": (results,),
    "Market": (market,),
    "Luck": (verdict, holdout),
}
for tag, modules in ROUTES.items():
    for module in modules:
        api.add_router("", module.router, tags=[tag])


@api.exception_handler(BatchError)
def refuse(request: HttpRequest, error: BatchError) -> HttpResponse:  # noqa: ARG001 - Ninja passes it
    return answer(error.as_json(), error.status, error.headers)


@api.exception_handler(OperationalError)
def refuse_without_database(request: HttpRequest, error: OperationalError) -> HttpResponse:
    """The disk is full, or the database is busy."""
    return refuse(request, storage.refusal(error))


@api.exception_handler(ValidationError)
def refuse_arguments(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Arguments that Ninja checked."""
    details = (Detail(str(item["loc"][-1]), f"{item['loc'][-1]}: {item['msg']}.") for item in error.errors)
    return refuse(request, InvalidRequest(*details))
