"""Read the pages of the test client, and fill in the form."""

import html
import re

from django.urls import reverse

from batches.results.query import ResultsQuery, page

HTMX = {"HX-Request": "true"}


def url(session, name="detail", *args):
    return reverse(f"batches:{name}", args=[session.id, *args])


def text_of(response):
    """Return the visible text."""
    words = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(words).split())


def field(response, name):
    """Return the text of one field of the panel."""
    match = re.search(rf'data-field="{name}">(.*?)</', response.content.decode(), re.DOTALL)
    assert match, name
    return html.unescape(match[1]).strip()


def rows_of(response):
    """Return (symbol, index) of each row of results, in order."""
    body = response.content.decode()
    body = body[body.index('aria-labelledby="results-title"') : body.index('aria-label="Pages of results"')]
    return [(symbol, int(index)) for index, symbol in re.findall(r'/results/(\d+)/">(\w+)</a></th>', body)]


def expected_rows(session, **query):
    results = page(session, ResultsQuery.parse(session, {"pageSize": "25"} | query))
    return [(row["symbol"], row["index"]) for row in results.rows]


def error_at(response, name):
    """Return the error of a field of the form."""
    match = re.search(rf'id="error-{name}">(.*?)</p>', response.content.decode())
    assert match, name
    return html.unescape(match[1])


def posted(**changes):
    """Return the fields of the form for 18 tests."""
    return {
        "form": "1",
        "strategy": "sma_cross",
        "symbols": ["ACME", "BOLT"],
        "fast.mode": "list",
        "fast.values": "3, 5, 8",
        "slow.mode": "range",
        "slow.start": "10",
        "slow.stop": "30",
        "slow.step": "10",
        "direction": "long",
        "feesPercent": "0.1",
        "slippagePercent": "0",
        "initialCapital": "100000",
        "sortBy": "sharpe",
        "timeoutMinutes": "15",
    } | changes
