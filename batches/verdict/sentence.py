"""The sentence of a verdict: exactly one of six states, chosen by the first rule that holds."""

from dataclasses import dataclass
from typing import Literal

from batches.formatting import MISSING, counted, fixed, isolated
from batches.verdict.luck import years_text

State = Literal["too_short", "no_better_than_holding", "likely_luck", "weak", "edge_not_choice", "holds_up"]
FEW_TRADES, THIN_TRADES = 10, 30
CHANCE = 0.05


@dataclass(frozen=True)
class Findings:
    """The numbers that decide. p : of the shuffle test, else the larger of the two of the bootstrap; None: not computed

    shuffled : whether p is that of the shuffle test; sharpe, held : annual Sharpe ratios of the best and of holding
    outside : Sharpe ratio of the stitched walk-forward; efficiency : of the same
    """

    tries: int
    bars: int
    years: float
    trades: int | None
    symbol: str
    sharpe: float | None
    held: float | None
    p: float | None
    p_holding: float | None
    shuffled: bool
    long_only: bool
    pbo: float | None
    outside: float | None
    efficiency: float | None
    years_needed: float
    too_short: bool


def judge(found: Findings) -> tuple[State, str]:
    """Return the state and its sentence."""
    if found.sharpe is None:
        return "too_short", "Nothing to judge: no test has a Sharpe ratio, because nothing traded or nothing varied."
    if found.too_short or found.trades is None or found.trades < FEW_TRADES or found.p is None:
        return "too_short", _too_short(found)
    ahead = found.held is None or found.sharpe > found.held
    if found.p > CHANCE and found.long_only and (not ahead or (found.p_holding or 0.0) > 0.5):
        return "no_better_than_holding", _no_better(found)
    if found.p > 0.20:
        return "likely_luck", f"Likely luck: {_reach(found)}."
    if found.sharpe <= 0.0:  # ranked by another metric
        return "weak", _no_gain(found)
    if found.p > CHANCE:
        return "weak", f"Weak: luck alone gets this far in {_in_hundred(found.p)} of 100 histories."
    if _choice_is_worthless(found):
        return "edge_not_choice", _edge(found) + _tail(found) + "."
    return "holds_up", _holds_up(found) + _tail(found) + "."


def _choice_is_worthless(found: Findings) -> bool:
    if found.pbo is not None and found.pbo > 0.2:
        return True
    return found.outside is None or found.outside <= 0 or found.efficiency is None or found.efficiency < 0.5


def _too_short(found: Findings) -> str:
    years, trades = years_text(found.years), found.trades or 0
    closed = counted(trades, "closed trade")
    if not found.too_short and trades < FEW_TRADES:
        return f"Too little to tell: {closed} in {years}; at least {FEW_TRADES} are needed."
    sentence = f"Too little to tell: {years} and {closed}."
    if found.tries > 1 and found.years < found.years_needed:
        sentence += f" After {found.tries:,} tries a Sharpe ratio of 1.0 needs up to {found.years_needed:.1f} years."
    return sentence


def _no_better(found: Findings) -> str:
    best = f"the best of {found.tries:,} has" if found.tries > 1 else "the test has"
    held = "holding has none" if found.held is None else f"holding {_ratio(found.held)}"
    end = f"shuffled days do as well in {_percent(found.p)} of the cases" if found.shuffled else _bootstrap(found)
    symbol, sharpe = isolated(found.symbol), _ratio(found.sharpe)
    return f"No better than holding {symbol}: {best} a Sharpe ratio of {sharpe}, {held}; {end}."


def _no_gain(found: Findings) -> str:
    best = f"the best of {found.tries:,}" if found.tries > 1 else "the test"
    return f"Weak: {best} has a Sharpe ratio of {_ratio(found.sharpe)}, no better than cash."


def _reach(found: Findings) -> str:
    best = f"the best of {found.tries:,}" if found.tries > 1 else "the test"
    if found.shuffled:
        return f"{best} on shuffled days reaches this in {_in_hundred(found.p)} of 100 histories"
    return f"{best} without skill reaches this in {_in_hundred(found.p)} of 100 histories"


def _edge(found: Findings) -> str:
    numbers = []
    if found.pbo is not None:
        numbers.append(f"PBO {found.pbo:.2f}")
    if found.outside is not None:
        numbers.append(f"{_ratio(found.outside)} out of sample")
    inside = f" ({', '.join(numbers)})" if numbers else ""
    return f"More than luck, but which row you pick hardly matters{inside}: trust the plateau, not the peak"


def _holds_up(found: Findings) -> str:
    ahead = ", ahead of holding" if found.held is not None and (found.sharpe or 0.0) > found.held else ""
    return f"Holds up: beyond luck (p {_p(found.p)}){ahead}, and {_ratio(found.outside)} out of sample"


def _tail(found: Findings) -> str:
    tail = f" on only {found.trades:,} trades" if found.trades is not None and found.trades < THIN_TRADES else ""
    if found.p_holding is not None and found.p_holding > CHANCE:
        tail += f"; its lead over holding may still be chance (p {_p(found.p_holding)})"
    return tail


def _ratio(value: float | None) -> str:
    return MISSING if value is None else fixed(value, 2)


def _bootstrap(found: Findings) -> str:
    return f"luck does as well in {_percent(found.p)} of the cases"


def _percent(p: float | None) -> str:
    return f"{100 * (p or 0.0):.0f}%"


def _in_hundred(p: float | None) -> str:
    return f"{100 * (p or 0.0):.0f}"


def _p(p: float | None) -> str:
    return f"{p:.3f}" if p is not None and p < 0.01 else f"{p:.2f}"
