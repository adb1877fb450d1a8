"""The page that previews a file: the options that were chosen, and what it offers for each."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from batches.prices.importing import ImportReport
from batches.prices.merging import OnOverlap
from batches.prices.options import DELIMITERS, ENCODINGS, NO_HEADER, ROLES, BadRow, Layout
from batches.prices.previewing import Preview
from batches.sweep.link import fits_a_link, symbols_query

MAX_LISTED_COLUMNS = 200
FORMAT = ("part", "encoding", "delimiter", "header")
LAYOUTS = {
    Layout.LONG: "one bar (long)",
    Layout.SINGLE: "one bar, one symbol",
    Layout.WIDE: "one day (wide)",
}
DATE_ORDERS = {"ymd": "year, month, day", "dmy": "day, month, year", "mdy": "month, day, year"}
ROLE_LABELS = {role: role.capitalize() for role in ROLES} | {"adj_close": "Adjusted close", "time": "Time of day"}
BAD_ROWS = {BadRow.REFUSE: "refuse the file", BadRow.SKIP: "leave them out"}
OVERLAPS = {
    OnOverlap.REFUSE: "append new bars, ask if bars differ",
    OnOverlap.APPEND: "append new bars, keep the stored ones",
    OnOverlap.REPLACE: "replace all stored bars",
}


def chosen_options(posted: Mapping[str, str]) -> dict[str, str]:
    """Return what was chosen. What belongs to other columns than those of the page is detected again."""
    options = {name: value for name, value in posted.items() if isinstance(value, str)}
    if decision := options.pop("decide", ""):
        options["onOverlap"] = decision
    if options.get("onOverlap") not in OVERLAPS:
        options.pop("onOverlap", None)
    if options.pop("shownFormat", _format(options)) != _format(options):
        stale = ("layout", "symbol", "decimal", "dateOrder")
        return {name: value for name, value in options.items() if name not in stale and not name.startswith("column.")}
    if options.pop("shownDates", _dates(options)) != _dates(options):
        options.pop("dateOrder", None)
    return options


def _format(options: Mapping[str, str]) -> str:
    return "|".join(options.get(name, "") for name in FORMAT)


def _dates(options: Mapping[str, str]) -> str:
    return "|".join(options.get(f"column.{role}", "") for role in ("date", "time"))


def preview_context(preview: Preview, options: Mapping[str, str]) -> dict[str, Any]:
    columns = preview.mapping.columns
    return {
        "preview": preview,
        "chosen": {name: options.get(name, "") for name in FORMAT},
        "shown_format": _format(options),
        "shown_dates": _dates({f"column.{role}": column for role, column in columns.items()}),
        "layouts": LAYOUTS,
        "date_orders": DATE_ORDERS,
        "bad_rows": BAD_ROWS,
        "overlaps": OVERLAPS,
        "encodings": ENCODINGS,
        "delimiters": DELIMITERS.values(),
        "no_header": NO_HEADER,
        "roles": [(role, ROLE_LABELS[role], columns.get(role, "")) for role in ROLES],
        "column_names": list(preview.table.columns)[:MAX_LISTED_COLUMNS],
    }


def imported_message(name: str, report: ImportReport) -> SafeString:
    """Say what was imported, with a link to test it."""
    symbols = [*report.added, *report.updated, *report.unchanged]
    if not fits_a_link(symbols):
        return format_html("Imported {}: {}.", name, str(report))
    link = f"{reverse('batches:form')}?{symbols_query(symbols)}"
    return format_html('Imported {}: {}. <a href="{}">Test these</a>', name, str(report), link)
