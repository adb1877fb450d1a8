"""The page of a small batch that is complete: what its tests share. The fixture `results` opens it."""

from playwright.sync_api import Locator, Page

SMALL = {
    "strategy": "sma_cross",
    "symbols": ["AAPL", "GE", "KO"],
    "parameterRanges": {"fast": [5, 10, 20, 30], "slow": {"start": 50, "stop": 200, "step": 10}},
    "enableBetaScaling": False,
}
TABLE = "[role=group][aria-labelledby=results-title]"
ROWS = f"{TABLE} tbody tr"
HEADS = "[aria-labelledby=results-title] th.number"


def head(page: Page, name: str) -> Locator:
    return page.locator(TABLE).get_by_role("columnheader", name=name)
