"""Short spellings for JSON Schema. Whatever crosses the wire has a description, with its unit."""

from typing import Any

from backtester.engine import METRICS
from batches.sweep.wire_names import wire_name

Schema = dict[str, Any]


def field(kind: str, description: str, **more: Any) -> Schema:
    """One value of a kind: string, number, integer, boolean, array or object."""
    return {"type": kind, "description": description} | more


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return schema | {"type": [schema["type"], "null"]} | enum


def record(description: str, properties: dict[str, Schema], **more: Any) -> Schema:
    """An object with exactly these properties, all of them always there unless `required` says otherwise."""
    closed = {"properties": properties, "required": list(properties), "additionalProperties": False}
    return field("object", description) | closed | more


def mapping(description: str, values: Schema) -> Schema:
    """An object whose keys are names: of symbols, of parameters."""
    return field("object", description, additionalProperties=values)


def listing(description: str, items: Schema, **more: Any) -> Schema:
    """An array."""
    return field("array", description, items=items, **more)


def ref(name: str) -> Schema:
    """One of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema, description: str) -> Schema:
    """A component, or null."""
    return {"description": description, "anyOf": [schema, {"type": "null"}]}


SUCCESS = field("boolean", "Always true: the request was carried out.", const=True)
SESSION_ID = field("string", "The batch.", format="uuid")
SYMBOL = field("string", "An instrument of /api/instruments.", maxLength=64)
BETA = nullable(field("number", "The instrument's beta, a ratio; null without beta scaling."))
COEFFICIENT = nullable(field("number", "Multiplies beta; null without beta scaling."))
PARAMETERS = mapping("The tested value of each parameter, as asked.", {"type": "number"})
METRICS_OF_A_TEST: dict[str, Schema] = {
    wire_name(metric.name): nullable(
        field("integer" if metric.unit == "count" else "number", f"{metric.description} Unit: {metric.unit}.")
    )
    for metric in METRICS
}
METRIC_NAME = field("string", "A metric by its wire name.", enum=list(METRICS_OF_A_TEST))
