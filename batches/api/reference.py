"""The page of the API: the OpenAPI document drawn on the server, readable without scripts."""

import functools
import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page
from ninja import NinjaAPI
from ninja.openapi.docs import Swagger

from batches.api.document import STATUSES

COMPONENTS = "#/components/schemas/"
LIMITS = (
    ("minimum", "≥ {}"),
    ("ge", "≥ {}"),
    ("exclusiveMinimum", "> {}"),
    ("maximum", "≤ {}"),
    ("le", "≤ {}"),
    ("maxLength", "at most {} characters"),
    ("maxItems", "at most {} items"),
)
# A part of a text and how it is set: "code", the name of a schema to link to, or nothing.
Parts = list[tuple[str, str]]


@dataclass(frozen=True)
class Field:
    """One parameter of a request, or one field of an object."""

    name: str
    place: str
    type: Parts
    note: str
    description: Parts


@dataclass(frozen=True)
class Answer:
    """One status that is not a refusal."""

    status: str
    description: str
    type: Parts


@dataclass(frozen=True)
class Route:
    """One method of one path."""

    id: str
    method: str
    path: str
    summary: str
    description: Parts
    parameters: list[Field]
    body: list[Field]
    body_type: Parts
    examples: list[tuple[str, str]]
    answers: list[Answer]
    refusals: list[str]


class Reference(Swagger):
    """Ours to read, Swagger's to try requests (`?try`)."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **options: Any) -> HttpResponse:
        """Draw one of the two."""
        if "try" in request.GET:
            return super().render_page(request, api, **options)
        return _page(request, _reference(api))


@gzip_page  # a tenth of its bytes; nothing in it is secret
def _page(request: HttpRequest, reference: dict[str, Any]) -> HttpResponse:
    return render(request, "batches/api.html", reference | {"nav": "api"})


@functools.lru_cache(maxsize=1)  # building the document takes a third of a second, and it never changes
def _reference(api: NinjaAPI) -> dict[str, Any]:
    document = api.get_openapi_schema()
    groups: dict[str, list[Route]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_route(path, method, operation))
    schemas = sorted(document["components"]["schemas"].items())
    return {
        "about": [_parts(paragraph) for paragraph in document["info"]["description"].split("\n\n")],
        "groups": groups,
        "schemas": [(name, _parts(schema.get("description", "")), _fields(schema)) for name, schema in schemas],
        "statuses": {status: _parts(words) for status, words in STATUSES.items()},
    }


def _route(path: str, method: str, operation: dict[str, Any]) -> Route:
    body = operation.get("requestBody", {})
    kind, schema = _content(body)
    examples = body.get("content", {}).get(kind, {}).get("examples", {}).values()
    answers = [(status, answer) for status, answer in operation["responses"].items() if status < "400"]
    return Route(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=_parts(operation.get("description", "")),
        parameters=[_parameter(parameter) for parameter in operation.get("parameters", ())],
        body=_fields(schema),
        body_type=[(f"{kind}: ", ""), *_type(schema)] if "$ref" in schema else [(kind, "")] if kind else [],
        examples=[(example["summary"], json.dumps(example["value"], indent=2)) for example in examples],
        answers=[_answer(status, answer) for status, answer in sorted(answers)],
        refusals=sorted(status for status in operation["responses"] if status >= "400"),
    )


def _parameter(parameter: dict[str, Any]) -> Field:
    note = "required" if parameter.get("required") else ""
    name, schema = parameter["name"], parameter["schema"]
    return Field(name, parameter["in"], _type(schema), note, _parts(parameter.get("description", "")))


def _fields(schema: dict[str, Any]) -> list[Field]:
    required = schema.get("required", ())
    return [
        Field(name, "", _type(field), _note(field, is_required=name in required), _parts(field.get("description", "")))
        for name, field in schema.get("properties", {}).items()
    ]


def _note(field: dict[str, Any], *, is_required: bool) -> str:
    if field.get("default") is not None:
        return f"default {json.dumps(field['default'])}"
    return "required" if is_required else ""


def _content(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the media type and the schema of a body; no body has more than one."""
    for kind, content in body.get("content", {}).items():
        return kind, content.get("schema", {})
    return "", {}


def _answer(status: str, answer: dict[str, Any]) -> Answer:
    kind, schema = _content(answer)
    parts = _type(schema) if "$ref" in schema else [(kind, "")]
    return Answer(status, answer["description"], parts)


def _parts(text: str) -> Parts:
    """Return the text, with what stands between backticks as code."""
    return [(part, "code" if at % 2 else "") for at, part in enumerate(text.split("`")) if part]


def _type(schema: dict[str, Any]) -> Parts:
    """Return the type of a value in words; a component is named, so that the page links to it."""
    if reference := schema.get("$ref"):
        name = reference.removeprefix(COMPONENTS)
        return [(name, name)]
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return _joined([_type(choice) for choice in choices])
    if "enum" in schema or "const" in schema:
        return [(" | ".join(map(json.dumps, schema.get("enum", [schema.get("const")]))), "")]
    kind = schema.get("type", "any value")
    if kind == "array":
        return [("list of ", ""), *_type(schema.get("items", {})), *_limits(schema)]
    if kind == "object" and isinstance(values := schema.get("additionalProperties"), dict):
        return [("object of ", ""), *_type(values)]
    words = " or ".join(kind) if isinstance(kind, list) else kind
    return [(schema.get("format", words), ""), *_limits(schema)]


def _joined(types: list[Parts]) -> Parts:
    return [part for at, parts in enumerate(types) for part in ([(" or ", "")] if at else []) + parts]


def _limits(schema: dict[str, Any]) -> Parts:
    words = [text.format(schema[name]) for name, text in LIMITS if name in schema]
    return [(f" ({', '.join(words)})", "")] if words else []
