"""What two runs cannot have in common becomes a placeholder; the wording of messages is kept apart."""

import csv
import hashlib
import io
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq

TIMES = {
    "sentAtMs", "elapsedTime", "estimatedTimeRemaining", "avgTimePerTest", "lastWorkerSeenAtMs", "executionTimeMs",
    "updatedAt", "estimatedSeconds",
}  # fmt: skip
VERSIONS = {"engineVersion"}
TEXTS = {"error", "message", "notes", "warnings", "recentErrors", "sentence", "description"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
CHOSEN = "00000000-0000-4000-8000-"  # the session's own ids stay as they are
DIGITS = 10
LONG_LIST, ENDS = 40, 3
HEADERS = (
    "Content-Type", "Allow", "Location", "Retry-After", "Preference-Applied", "Cache-Control", "Vary", "ETag",
    "WWW-Authenticate", "Content-Disposition", "X-Accel-Buffering", "X-Content-Type-Options",
    "Access-Control-Allow-Origin",
)  # fmt: skip
SETS = {"Allow", "Vary"}
LONGEST_WAIT_S = 10  # a longer Retry-After depends on the clock


class Normalizer:
    """Holds the ids of one session, in the order in which they appear."""

    def __init__(self):
        self.ids = {}

    def value(self, value, texts, path=""):
        """Return a JSON value with placeholders; what messages say is added to texts under its path."""
        if isinstance(value, dict):
            return {self.text(key): self._field(key, inner, texts, f"{path}/{key}") for key, inner in value.items()}
        if isinstance(value, list):
            return shortened([self.value(inner, texts, f"{path}/{n}") for n, inner in enumerate(value)])
        if isinstance(value, str):
            return self.text(value)
        return rounded(value)

    def _field(self, key, value, texts, path):
        if key in TIMES:
            return None if value is None else "<time>"
        if key in VERSIONS and isinstance(value, str):
            return "<version>"
        if key in TEXTS:
            if isinstance(value, str):
                texts[path] = self.text(value)
                return "<text>"
            if isinstance(value, list) and all(isinstance(each, str) for each in value):
                texts |= {f"{path}/{number}": self.text(each) for number, each in enumerate(value)}
                return ["<text>"] * len(value)
        return self.value(value, texts, path)

    def text(self, text):
        """Number the ids that the site made up."""
        return UUID.sub(self._id, text)

    def _id(self, match):
        found = match[0]
        if found.startswith(CHOSEN):
            return found
        return self.ids.setdefault(found, f"<id {len(self.ids) + 1}>")

    def headers(self, headers):
        found = {}
        for name in HEADERS:
            value = headers.get(name)
            if value is None:
                continue
            if name in SETS:
                value = sorted(part.strip() for part in value.split(","))
            elif name == "ETag":
                value = '"<etag>"' if not value.startswith("W/") else 'W/"<etag>"'
            elif name == "Retry-After" and int(value) > LONGEST_WAIT_S:
                value = "<seconds>"
            else:
                value = self.text(value)
            found[name] = value
        return found

    def body(self, content, content_type, texts):
        """Return what a body says, by its kind."""
        kind = content_type.partition(";")[0]
        if not content:
            return ""
        if kind == "application/json":
            return self.value(json.loads(content), texts)
        if kind == "text/csv":
            names, *rows = csv.reader(io.StringIO(content.decode()))
            return {"columns": names, "rows": shortened([self._row(names, row, texts) for row in rows])}
        if kind == "application/vnd.apache.parquet":
            table = pq.read_table(pa.BufferReader(content))
            columns = {name: column.to_pylist() for name, column in zip(table.column_names, table.columns, strict=True)}
            return {
                "schema": [[field.name, str(field.type)] for field in table.schema],
                "columns": {
                    name: shortened([cell if cell is None else "<text>" for cell in cells])
                    if name in TEXTS
                    else self.value(cells, texts, name)
                    for name, cells in columns.items()
                },
            }
        return "<text>"

    def _row(self, names, cells, texts):
        return [
            "<text>" if name in TEXTS and cell else number_text(cell) for name, cell in zip(names, cells, strict=True)
        ]


def rounded(value):
    """Cut what another processor may compute otherwise."""
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def number_text(cell):
    """Cut a long number in a CSV file; leave the way it is written alone otherwise."""
    if len(cell) <= DIGITS:
        return cell
    try:
        return f"{float(cell):.{DIGITS}g}"
    except ValueError:
        return cell


def shortened(items):
    """Return a long list as its length, its ends and a hash."""
    if len(items) <= LONG_LIST:
        return items
    digest = hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()[:16]
    return {"<list>": len(items), "first": items[:ENDS], "last": items[-ENDS:], "sha256": digest}


def document(content):
    """Return of an OpenAPI document what clients go by: paths, parameters, kinds of bodies, statuses."""
    found = {}
    for path, operations in json.loads(content)["paths"].items():
        for method, operation in operations.items():
            found[f"{method.upper()} {path}"] = {
                "statuses": sorted({str(status) for status in operation["responses"]}),
                "parameters": sorted(
                    f"{each['in']} {each['name']}{' required' if each.get('required') else ''}"
                    for each in operation.get("parameters", [])
                ),
                "body": sorted(operation.get("requestBody", {}).get("content", {})),
                "operationId": operation.get("operationId"),
            }
    return found
