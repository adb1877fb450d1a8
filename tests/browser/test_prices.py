"""Real files of prices through the page: dropped or chosen, previewed, confirmed."""

import base64
import re
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


pytestmark = pytest.mark.usefixtures("instruments_as_they_were")


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
    expect(page.get_by_role("heading", name="2 symbols differ from the stored bars")).to_be_visible()
    page.get_by_label("Stored bars", exact=True).select_option("replace")
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
    path.write_text("wann;a;b\n01.02.2020;10,5;1\n02.02.2020;11,5;2\n")
    page.goto(f"{stack.url}/prices/")
    page.locator("#file").set_input_files(path)
    page.get_by_role("button", name="Upload and preview").click()
    expect(page.get_by_role("heading", name="2 symbols with 4 daily bars")).to_be_visible()
    page.get_by_label("A row is").select_option("single")
    page.get_by_label("The symbol").fill("zeit")
    page.get_by_label("Close column", exact=True).select_option("a")
    expect(page.get_by_role("row", name=re.compile("^ZEIT 2020-02-01 2020-02-02 2"))).to_be_visible()
    page.get_by_label("Dates are").select_option("mdy")
    expect(page.get_by_role("row", name=re.compile("^ZEIT 2020-01-02 2020-02-02 2"))).to_be_visible()
    page.get_by_role("button", name="Discard file").click()
    expect(page.locator(".notice")).to_contain_text("Discarded strange.csv")


def test_a_file_that_is_not_a_table_is_refused_at_the_form(stack, visitor, tmp_path):
    path = tmp_path / "picture.csv"
    path.write_bytes(b"\x89PNG\x00\x00")
    guest = visitor()
    guest.page.goto(f"{stack.url}/prices/")
    drop(guest.page, path)
    expect(guest.page.locator("[data-upload-error]")).to_contain_text("picture.csv: this is an image")
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


@pytest.mark.timeout(400)  # each page in four looks in `make test-all`
def test_no_page_of_prices_breaks_a_rule_that_axe_can_check(stack, reader, looks):
    page = reader.page
    page.goto(f"{stack.url}/prices/")
    check(page)
    page.locator("#file").set_input_files(OHLCV)
    page.get_by_role("button", name="Upload and preview").click()
    expect(page.get_by_role("heading", name="5 symbols with 12,154 daily bars")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Discard file").click()
    page.get_by_role("link", name="AAPL").click()
    expect(page.get_by_role("heading", name="AAPL", level=1)).to_be_visible()
    check(page)
