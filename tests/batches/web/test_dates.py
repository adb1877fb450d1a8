"""Dates on pages: ISO 8601 for days of the market and for moments alike, with scripts and without."""

import re
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.template import Context, Template

from batches.models import BatchSession
from batches.web.presenters import day_text
from tests.support.page_reader import text_of, url
from tests.support.stack_process import ROOT

pytestmark = pytest.mark.usefixtures("queued", "published")
MOMENT = datetime(2026, 3, 1, 0, 5, 9, tzinfo=UTC)
MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
OTHER_STYLES = re.compile(
    rf"\b(?:{MONTHS})[a-z]*\.? \d{{1,2}},? \d{{4}}|\b\d{{1,2}}\.? (?:{MONTHS})[a-z]*\.? \d{{4}}"
    r"|\b\d{1,2}[/.]\d{1,2}[/.]\d{4}\b|\d [ap]\.m\."
)


def rendered(text, **context):
    return Template("{% load batch_format %}" + text).render(Context(context))


def test_a_moment_is_the_same_text_with_and_without_an_element():
    element = rendered("{% moment at %}", at=MOMENT)
    assert rendered("{{ at }}", at=MOMENT) == "2026-03-01 00:05 UTC"
    assert element == (
        '<time datetime="2026-03-01T00:05:09+00:00" data-local title="2026-03-01 00:05 UTC">2026-03-01 00:05 UTC</time>'
    )


def test_an_age_keeps_its_moment_as_the_title():
    element = rendered("{% moment at now=now css='soft' %}", at=MOMENT, now=MOMENT.replace(hour=3, minute=6))
    assert '<time class="soft" datetime="2026-03-01T00:05:09+00:00" title="2026-03-01 00:05 UTC">3 h ago<' in element


def test_a_day_of_the_market_and_the_heading_of_a_day_are_iso_dates():
    assert rendered("{{ day|date }}", day=MOMENT.date()) == "2026-03-01"
    assert day_text(MOMENT, MOMENT.replace(month=4)) == "Sun, 2026-03-01"


def test_no_template_has_a_style_of_its_own():
    texts = {path: path.read_text() for path in (ROOT / "templates").rglob("*.html")}
    assert texts
    assert not [
        path.name for path, text in texts.items() if re.search(r"\|(date|time):|<time\b|natural(day|time)", text)
    ]


def test_no_page_shows_a_date_in_another_style(client, finished):
    BatchSession.objects.filter(pk=finished.pk).update(created_at=MOMENT)
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    pages = ["/", "/batches/", url(finished), "/prices/", "/prices/of/ACME/", "/admin/batches/batchsession/"]
    for page in pages:
        response = client.get(page)
        assert response.status_code == 200, page
        assert not OTHER_STYLES.search(text_of(response)), (page, OTHER_STYLES.search(text_of(response)))
    assert "2026-03-01 00:05 UTC" in text_of(client.get(url(finished)))
    assert "Sun, 2026-03-01" in text_of(client.get("/batches/"))
    assert "2026-03-01 00:05 UTC" in text_of(client.get("/admin/batches/batchsession/"))
