"""A negative number on a page has a real minus sign: a hyphen is no sign, and a line may break after it."""

import re

import pytest

from batches.models import Instrument
from tests.support.page_reader import HTMX, text_of, url

pytestmark = pytest.mark.usefixtures("queued", "published")
CODE = re.compile(r"<(pre|textarea|option|code)\b.*?</\1>", re.DOTALL)
HYPHEN = re.compile(r".{0,30}(?<![\w.:/–-])-(?=[\d.])[\d.,]*%?.{0,20}")


@pytest.fixture
def pages(client, finished):
    Instrument.objects.update(manual_beta=-0.25)
    Instrument.objects.filter(symbol="BOLT").update(manual_beta=None, beta=-1.5)
    batch = url(finished)
    return [
        batch, *(batch + part for part in ("heatmap/", "spread/", "parallel/", "results/0/", "results/9/", "verdict/")),
        "/batches/", "/prices/", "/prices/of/ACME/", "/prices/of/BOLT/?benchmark=ACME", f"/?symbolsOf={finished.pk}",
    ]  # fmt: skip


def test_no_page_has_a_hyphen_for_a_minus(client, pages):
    hyphens, negative = {}, 0
    for page in pages:
        response = client.get(page, headers=HTMX if page.endswith(("spread/", "parallel/")) else {})
        assert response.status_code == 200, page
        response.content = CODE.sub(" ", response.content.decode())
        text = text_of(response)
        negative += text.count("−")
        if found := HYPHEN.findall(text):
            hyphens[page] = found[:5]
    assert negative > 50
    assert not hyphens
