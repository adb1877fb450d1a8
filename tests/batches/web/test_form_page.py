"""The form as rendered by the server, without scripts."""

import html
import re
from datetime import date

import numpy as np
import pandas as pd
import pytest

from batches.models import BatchSession
from tests.support.page_reader import HTMX, error_at, posted, text_of, url
from tests.support.price_files import parquet, read, store_prices

pytestmark = pytest.mark.usefixtures("queued", "published")  # nothing is queued or announced: these tests look at pages


def test_the_form_opens_with_its_count_and_without_errors(client, instruments):
    response = client.get("/")
    assert response.status_code == 200
    assert 'data-total="' in response.content.decode()
    assert "aria-invalid" not in response.content.decode()


def test_one_post_starts_the_batch_and_leads_to_its_page(client, instruments):
    response = client.post("/", posted())
    session = BatchSession.objects.get()
    assert response.status_code == 303
    assert response["Location"] == url(session)
    assert session.total == 18
    assert session.request["fees"] == 0.001


def test_an_invalid_field_has_an_error_and_nothing_is_stored(client, instruments):
    response = client.post("/", posted(**{"slow.start": "abc"}))
    assert response.status_code == 422
    assert "abc" in error_at(response, "slow")
    assert 'value="abc"' in response.content.decode()
    assert not BatchSession.objects.exists()


def test_too_many_combinations_are_an_error_of_the_parameters(client, instruments, settings):
    settings.BATCH_MAX_COMBINATIONS = 17
    response = client.post("/count/", posted(), headers=HTMX)
    assert 'id="error-parameterRanges" hx-swap-oob="true">18 combinations are too many' in response.content.decode()
    assert "18 combinations are too many" in error_at(client.post("/", posted()), "parameterRanges")


def test_no_symbols_are_an_error_of_the_symbols(client, instruments):
    assert "at least one symbol" in error_at(client.post("/", posted(symbols=[])), "symbols")


def test_a_full_queue_is_reported_above_the_form(client, instruments, settings):
    settings.BATCH_MAX_RUNNING = 0
    response = client.post("/", posted())
    assert response.status_code == 429
    assert "BATCH_MAX_RUNNING" in text_of(response)


def test_counting_without_scripts_starts_nothing(client, instruments):
    response = client.post("/", posted(intent="count"))
    assert 'data-total="18"' in response.content.decode()
    assert not BatchSession.objects.exists()


def test_the_count_returns_the_link_for_the_address_bar(client, instruments):
    response = client.post("/count/", posted(), headers=HTMX)
    assert 'data-total="18"' in response.content.decode()
    link = response["HX-Replace-Url"]
    assert 'data-total="18"' in client.get(link).content.decode()


def test_the_count_carries_errors_to_their_fields(client, instruments):
    body = client.post("/count/", posted(**{"fast.values": "3, 0"}), headers=HTMX).content.decode()
    assert re.search(r'id="error-fast" hx-swap-oob="true">[^<]*0[^<]*</p>', body)
    assert re.search(r'id="error-slow" hx-swap-oob="true"></p>', body)


def test_a_post_from_another_site_is_refused_with_our_page(instruments):
    from django.test import Client

    response = Client(enforce_csrf_checks=True).post("/", posted())
    assert response.status_code == 403
    assert "Request refused" in text_of(response)


def test_symbols_of_different_periods_link_to_the_days_that_all_have(client, instruments):
    index = pd.bdate_range("2020-03-02", periods=150)
    store_prices(read(parquet(pd.DataFrame({"date": index, "close": np.linspace(10, 20, 150)})), "NEWB.parquet"))
    page = client.get("/?strategy=sma_cross&symbols=ACME,NEWB&fast=3,5&slow=10")
    estimate = page.context["estimate"]
    assert estimate.days[0] < estimate.common[0] == date(2020, 3, 2)
    assert f"Dates {estimate.days[0]} to {estimate.days[1]}" in text_of(page)
    (link,) = re.findall(r'href="([^"]*)">Use the dates that all have in common', page.content.decode())
    closer = client.get(html.unescape(link))
    assert closer.context["estimate"].days == estimate.common
    assert closer.context["sweep"].request.symbols == page.context["sweep"].request.symbols
    assert "Use the dates" not in text_of(closer)


def test_presets_are_described(client, instruments):
    text = text_of(client.get("/"))
    assert "A million tests For a map in full detail." in text
    assert "SMA cross Long while the fast average is above the slow one" in text
