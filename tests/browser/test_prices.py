"""Real files of prices through the page: dropped or chosen, previewed, confirmed."""

import base64
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.axe import check
from tests.browser.steps import WITHOUT_SCRIPTS
from tests.support.stack_process import ROOT

OHLCV = ROOT / "tests" / "data" / "ohlcv_5.csv.gz"
WIDE = ROOT / "backtester" / "sample_data" / "sp500_20_close.csv.gz"
DROP = """([form, name, content]) => {
  const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name));
  form.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
}"""


@pytest.fixture(scope="module", autouse=True)
def _as_it_was(stack) -> Iterator[None]:
    """Restore the sample's instruments: other tests of the shared stack need them."""
    path = stack.data_dir / "db.sqlite3"
    with sqlite3.connect(path) as database:
        before = database.execute("SELECT series_id, beta, gaps, id FROM batches_instrument").fetchall()
    yield
    with sqlite3.connect(path, timeout=20) as database:
        ids = ",".join(str(row[-1]) for row in before)
        database.execute(f"DELETE FROM batches_instrument WHERE id NOT IN ({ids})")
        database.executemany("UPDATE batches_instrument SET series_id = ?, beta = ?, gaps = ? WHERE id = ?", before)


def drop(page, path: Path):
    """Drop a file onto the form."""
    form = page.locator("[data-upload]").element_handle()
    page.evaluate(DROP, [form, path.name, base64.b64encode(path.read_bytes()).decode()])


def test_a_real_file_of_five_symbols_is_dropped_and_imported(stack, page):
    page.goto(f"{stack.url}/prices/")
    drop(page, OHLCV)
    expect(page.get_by_role("heading", name="5 symbols with 12,154 daily bars")).to_be_visible()
    expect(page.get_by_label("A row is")).to_have_value("long")
    expect(page.get_by_label("Adjusted close")).to_have_value("adj_close")
    expect(page.locator(".notes")).to_contain_text("scaled to the adjusted close")
    expect(page.get_by_role("row", name=re.compile("^FB 2012-05-18 2013-03-01"))).to_contain_text("OHLC")
    page.get_by_role("button", name="Import 5 symbols").click()
    expect(page.locator(".notice")).to_contain_text("Imported ohlcv_5.csv.gz: ")
    expect(page.get_by_role("link", name="GOOG")).to_be_visible()
    page.goto(f"{stack.url}/?symbols=FB,GOOG&fast=5:10:5&slow=20,50")
    expect(page.locator(".total")).to_have_text("8")


@pytest.mark.extended
def test_a_wide_file_of_twenty_symbols_is_chosen_and_imported(stack, page):
    page.goto(f"{stack.url}/prices/")
    page.locator("#file").set_input_files(WIDE)
    page.get_by_role("button", name="Upload and preview").click()
    expect(page.get_by_role("heading", name="21 symbols with 174,573 daily bars")).to_be_visible()
    expect(page.get_by_label("A row is")).to_have_value("wide")
    expect(page.get_by_label("Adjusted close")).to_be_hidden()
    page.get_by_role("button", name="Import 21 symbols").click()
    expect(page.locator(".notice")).to_contain_text("Imported sp500_20_close.csv.gz: ")


@pytest.mark.extended
def test_other_options_are_tried_without_leaving_the_page(stack, page, tmp_path):
    path = tmp_path / "strange.csv"
    path.write_text("wann;kurs\n01.02.2020;10,5\n02.02.2020;11,5\n")
    page.goto(f"{stack.url}/prices/")
    page.locator("#file").set_input_files(path)
    page.get_by_role("button", name="Upload and preview").click()
    expect(page.locator(".problems")).to_contain_text("column 'date' is missing")
    page.get_by_label("A row is").select_option("single")
    page.get_by_label("The symbol").fill("zeit")
    page.get_by_label("Date column").select_option("wann")
    page.get_by_label("Close column", exact=True).select_option("kurs")
    expect(page.locator(".problems")).to_contain_text("01.02.2020")
    page.get_by_label("Dates are").select_option("dmy")
    expect(page.get_by_role("row", name=re.compile("^ZEIT 2020-02-01 2020-02-02 2"))).to_be_visible()
    page.get_by_role("button", name="Discard file").click()
    expect(page.locator(".notice")).to_contain_text("Discarded strange.csv")


def test_a_file_that_is_not_a_table_is_refused_at_the_form(stack, visitor, tmp_path):
    path = tmp_path / "picture.csv"
    path.write_bytes(b"\x89PNG\x00\x00")
    guest = visitor()
    guest.page.goto(f"{stack.url}/prices/")
    drop(guest.page, path)
    expect(guest.page.locator("[data-upload-error]")).to_contain_text("picture.csv: line 1: this is not text")
    expect(guest.page.get_by_role("button", name="Upload and preview")).to_be_enabled()
    guest.expects(422)


@WITHOUT_SCRIPTS
@pytest.mark.extended
def test_an_import_without_scripts(stack, visitor):
    page = visitor(java_script_enabled=False).page
    page.goto(f"{stack.url}/prices/")
    page.locator("#file").set_input_files(OHLCV)
    page.get_by_role("button", name="Upload and preview").click()
    page.get_by_label("Adjusted close").select_option("none")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".notes")).not_to_contain_text("adjusted close")
    page.get_by_role("button", name="Discard file").click()
    expect(page.locator(".notice")).to_contain_text("Discarded")


@pytest.mark.timeout(400)  # each page in four looks
def test_no_page_of_prices_breaks_a_rule_that_axe_can_check(stack, reader):
    page = reader.page
    page.goto(f"{stack.url}/prices/")
    check(page)
    page.locator("#file").set_input_files(OHLCV)
    page.get_by_role("button", name="Upload and preview").click()
    expect(page.get_by_role("button", name="Import 5 symbols")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Discard file").click()
    page.get_by_role("link", name="AAPL").click()
    check(page)
