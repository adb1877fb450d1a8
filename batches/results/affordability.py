"""Whether a purchase buys one share at all, where only whole shares are bought."""

from batches.formatting import count, metric
from batches.sweep.plan import Plan

LOTS = ("max_lots", "instalments")  # a strategy with one of these divides the capital
MOST_NAMED = 20


def unaffordable(plan: Plan) -> list[str]:
    """Return a sentence on each symbol of which nothing can be bought."""
    if not plan.rules.whole_shares:
        return []
    sentences = [text for number in range(len(plan.grid.symbols)) if (text := too_dear(plan, number))]
    more = len(sentences) - MOST_NAMED
    return sentences[:MOST_NAMED] + ([f"The same holds for {count(more)} more symbols."] if more > 0 else [])


def too_dear(plan: Plan, symbol_number: int) -> str:
    """Return why no share of the symbol is ever bought; "" when the capital suffices for one."""
    if not plan.rules.whole_shares:
        return ""
    lots = min((min(plan.grid.axes[name]) for name in LOTS if name in plan.grid.axes), default=1)
    purchase, prices = plan.rules.initial_capital / lots, plan.prices(symbol_number * plan.grid.n_timeframes)
    lowest = float(prices.close.min())
    if lowest <= purchase:
        return ""
    of_what = "the initial capital" if lots == 1 else f"the initial capital divided by {count(lots)}"
    return (
        f"With whole shares nothing of {prices.symbol} is bought: one share costs at least {metric(lowest, 'ratio')},"
        f" and a purchase has {metric(purchase, 'ratio')}, {of_what}."
    )
