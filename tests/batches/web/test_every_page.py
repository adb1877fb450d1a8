"""Batches over every switch: each address of the site answers, whatever the batch, the headers and the query."""

import html.parser
import logging
from itertools import product

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from backtester.accounts.models import Token
from batches.models import BatchSession, Instrument, Preset, PriceImport
from batches.running import lifecycle
from tests.support import jobs
from tests.support.page_reader import HTMX
from tests.support.pairwise import pairwise
from tests.support.price_uploads import LONG, send
from tests.support.routes import address, arguments_of, routes
from tests.support.sweep_switches import SHORT, SWITCHES, body_of, store_odd_instruments

pytestmark = [
    pytest.mark.usefixtures("queued", "published", "instruments"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators"),
]
STREAM = "api/backtest/batch/stream"  # has no end here; tests/batches/live/test_event_stream.py
PARTS = {"readyz", "metrics"}  # 503: there is no Redis here
RARE = ("head", "options", "put", "patch", "delete")
HEADERS = {
    "page": {},
    "fragment": HTMX,
    "history": HTMX | {"HX-History-Restore-Request": "true"},
    "boosted": HTMX | {"HX-Boosted": "true", "HX-Current-URL": "http://[odd", "HX-Target": "<b>"},
    "json": {"Accept": "application/json"},
    "stream": {"Accept": "text/event-stream"},
    "anything": {"Accept": "*/*;q=0, ,;"},
}
ODD_QUERIES = [
    "", "page=0", "page=-1", "page=99999999999999999999", "page=%00", "pageSize=x", "sort=nope", "sort=-",
    "metric=nope",
    "symbol=nope", "symbol=%00%ff", "symbol=%F0%9F%98%80", "x=fast&y=fast", "x=coefficient&y=nope", "aggregate=nope",
    "column=%C2%B2&row=-1", "column=99999", "near=on", "show=nope&show=", "by=sharpe&least=x&most=",
    "by=nope&least=1,5",
    "min.sharpe=nan&max.nope=1", "min.trades=1e999", "batch=nope&batch=", "search=%22%27*:(", "status=nope", "find=%00",
    "map.x=nope&map.metric=&map.symbol=ACME", "symbolsOf=nope", "strategy=nope&fast=::", "initialCapital=%F0%9F%98%80",
    "q=%00", "symbols=%00", "symbolsOf=%00", "batch=%00", "show=%00", "map.symbol=%00", "tag=%00", "benchmark=%00",
    "versions=%00", "archived=%00", "index=%00", "from=%00", "after=%00", "sessionId=%00", "timeframe=%00",
    "o=99", "p=nope", "next=//evil.example", "benchmark=nope&start=nope", "after=nope", "async=nope",
]  # fmt: skip


@pytest.fixture
def site(client, db):
    """A client that may see everything, with an instrument of each odd kind."""
    store_odd_instruments()
    Instrument.objects.update(manual_beta=1.2)  # a few days have no beta
    user = User.objects.create(username="root", is_staff=True, is_superuser=True)
    client.force_login(user)
    Token.objects.create(user=user, name="mine", sha256="0" * 64)
    Preset.objects.create(name="mine", query="strategy=sma_cross")
    send(client, LONG)
    return client


@pytest.fixture
def clean_log(caplog):
    """What must stay empty: errors, and values for which a filter had no text."""
    caplog.set_level(logging.WARNING)
    yield
    lines = [record for record in caplog.records if record.exc_info or record.name == "batches.formatting"]
    assert not [line.getMessage() for line in lines]


def arguments(session, index=0):
    """One value for each argument that a route may have. A new route with another one must name its value here."""
    return {
        "session_id": session.pk,
        "index": index,
        "action": "cancel",
        "symbol": "DEAR",
        "preset_id": Preset.objects.get().pk,
        "pk": PriceImport.objects.get().pk,
        "token_id": Token.objects.get().pk,
        "id": User.objects.get().pk,
        "content_type_id": 1,
    }


def object_of(route, session):
    """Return the key of an object of the model whose page in the admin this is."""
    instrument = Instrument.objects.get(symbol="ACME")
    keys = {"batchsession": session.pk, "instrument": instrument.pk, "priceseries": instrument.series_id}
    keys |= {"priceimport": PriceImport.objects.get().pk}
    return next((key for model, key in keys.items() if f"/{model}/" in route), User.objects.get().pk)


def is_answered(response, route):
    b"".join(response)
    return response.status_code < 500 or (response.status_code == 503 and route in PARTS)


def addresses(session):
    for route in routes():
        if route != STREAM:
            yield route, address(route, arguments(session) | {"object_id": object_of(route, session)})


def ended_as(case):
    session = jobs.submit(body_of(case))
    if case["ending"] == "finished":
        return jobs.finish(session)
    if case["ending"] in ("running", "cancelled"):
        jobs.work_some(session, 1)
    if case["ending"] == "cancelled":
        lifecycle.cancel(session.pk, timezone.now())
    if case["ending"] == "paused":
        lifecycle.pause(session.pk, timezone.now())
    return jobs.reread(session)


class Inputs(html.parser.HTMLParser):
    """What a browser would send of the form of a sweep."""

    def __init__(self, page):
        super().__init__()
        self.fields, self.select = {}, ""
        self.feed(page[page.index('id="sweep"') : page.index('id="save-preset"')])

    def handle_starttag(self, tag, attrs):
        about = dict(attrs)
        kind, name, value = about.get("type"), about.get("name"), about.get("value", "")
        if tag == "select":
            self.select = name or ""
        elif tag == "option" and "selected" in about:
            self.fields[self.select] = [value]
        elif tag == "input" and name and (kind not in ("radio", "checkbox") or "checked" in about):
            self.fields.setdefault(name, []).append(value or ("on" if kind == "checkbox" else ""))


def cases(switches, name, **options):
    return [pytest.param(case, id=f"{name}{number}", **options) for number, case in enumerate(pairwise(switches))]


@pytest.mark.parametrize("case", cases(SHORT, "short") + cases(SWITCHES, "full", marks=pytest.mark.extended))
def test_every_page_of_a_batch_opens(site, clean_log, case):
    session = ended_as(case)
    for route, path in addresses(session):
        if "session_id" not in arguments_of(route):
            continue
        for name in ("page", "fragment"):
            response = site.get(path, headers=HEADERS[name])
            b"".join(response)
            refused = {422} if "index" in arguments_of(route) else set()  # a test that failed has no page of results
            if "GET" in response.get("Allow", "GET"):
                assert response.status_code in {200} | refused, (name, path)
    form = site.get(site.get(f"/batches/{session.pk}/").context["link"])
    assert site.post("/count/", Inputs(form.text).fields).status_code == 200
    started = site.post("/", Inputs(form.text).fields)
    assert started.status_code == 303, form.context["sweep"].errors
    again = BatchSession.objects.get(pk=started["Location"].split("/")[2])
    assert sorted(again.request["symbols"]) == sorted(session.request["symbols"])  # the page sorts them
    assert again.request | {"symbols": 0} == session.request | {"symbols": 0}


@pytest.fixture(params=["failed", pytest.param("finished", marks=pytest.mark.extended)])
def session(request, site, start):
    changes = {} if request.param == "finished" else {"symbols": ["PAIR", "FLAT"], "includeComparison": False}
    return jobs.finish(jobs.submit(start(**changes)))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("count", [2, pytest.param(len(ODD_QUERIES), marks=pytest.mark.extended)])
def test_every_address_takes_any_headers_and_any_query(site, clean_log, session, count):
    """Each with a few pairs of headers and query, or with every query and each headers several times."""
    pairs = list(product(HEADERS.values(), ODD_QUERIES))
    at = 0
    for route, path in addresses(session):
        for headers, query in (pairs[(at + step * 41) % len(pairs)] for step in range(count)):
            response = site.get(f"{path}?{query}", headers=headers)
            assert is_answered(response, route), (path, headers, query)
        at += 7


@pytest.mark.parametrize("method", ["post", *(pytest.param(m, marks=pytest.mark.extended) for m in RARE)])
def test_every_address_takes_any_method(site, clean_log, session, method):
    for route, path in list(addresses(session)):  # before any of them deletes what the others are about
        for headers, body in (({}, b""), (HTMX, b"{"), (HTMX, b'[{"a": null}]')):
            data = {} if method == "head" else {"data": body, "content_type": "application/json"}
            response = getattr(site, method)(path, headers=headers, **data)
            assert is_answered(response, route), (method, path, body)


def test_the_routes_of_a_batch_are_found():
    found = [route for route in routes() if "session_id" in arguments_of(route)]
    assert {"batches/<uuid:session_id>/heatmap/", "api/backtest/batch/<session_id>/results.csv"} <= set(found)
    assert len(found) >= 17
