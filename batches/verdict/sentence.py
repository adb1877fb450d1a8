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


def judge(findings: Findings) -> tuple[State, str]:
    """Return the state and its sentence."""
    if findings.sharpe is None:
        return "too_short", "Nothing to judge: no test has a Sharpe ratio, because nothing traded or nothing varied."
    if findings.too_short or findings.trades is None or findings.trades < FEW_TRADES or findings.p is None:
        return "too_short", _too_short(findings)
    ahead = findings.held is None or findings.sharpe > findings.held
    if findings.p > CHANCE and findings.long_only and (not ahead or (findings.p_holding or 0.0) > 0.5):
        return "no_better_than_holding", _no_better(findings)
    if findings.p > 0.20:
        return "likely_luck", f"Likely luck: {_reach(findings)}."
    if findings.sharpe <= 0.0:  # ranked by another metric
        return "weak", _no_gain(findings)
    if findings.p > CHANCE:
        return "weak", f"Weak: luck alone gets this far in {_in_hundred(findings.p)} of 100 histories."
    if _choice_is_worthless(findings):
        return "edge_not_choice", _edge(findings) + _tail(findings) + "."
    return "holds_up", _holds_up(findings) + _tail(findings) + "."


def _choice_is_worthless(findings: Findings) -> bool:
    if findings.pbo is not None and findings.pbo > 0.2:
        return True
    return findings.outside is None or findings.outside <= 0 or findings.efficiency is None or findings.efficiency < 0.5


def _too_short(findings: Findings) -> str:
    years, trades = years_text(findings.years), findings.trades or 0
    closed = counted(trades, "closed trade")
    if not findings.too_short and trades < FEW_TRADES:
        return f"Too little to tell: {closed} in {years}; at least {FEW_TRADES} are needed."
    sentence = f"Too little to tell: {years} and {closed}."
    if findings.tries > 1 and findings.years < findings.years_needed:
        needed = f"{findings.years_needed:.1f} years"
        sentence += f" After {findings.tries:,} tries a Sharpe ratio of 1.0 needs up to {needed}."
    return sentence


def _no_better(findings: Findings) -> str:
    best = f"the best of {findings.tries:,} has" if findings.tries > 1 else "the test has"
    held = "holding has none" if findings.held is None else f"holding {_ratio(findings.held)}"
    end = f"{'shuffled days do' if findings.shuffled else 'luck does'} as well in {_percent(findings.p)} of the cases"
    symbol, sharpe = isolated(findings.symbol), _ratio(findings.sharpe)
    return f"No better than holding {symbol}: {best} a Sharpe ratio of {sharpe}, {held}; {end}."


def _no_gain(findings: Findings) -> str:
    best = f"the best of {findings.tries:,}" if findings.tries > 1 else "the test"
    return f"Weak: {best} has a Sharpe ratio of {_ratio(findings.sharpe)}, no better than cash."


def _reach(findings: Findings) -> str:
    best = f"the best of {findings.tries:,}" if findings.tries > 1 else "the test"
    histories = "on shuffled days" if findings.shuffled else "without skill"
    return f"{best} {histories} reaches this in {_in_hundred(findings.p)} of 100 histories"


def _edge(findings: Findings) -> str:
    numbers = []
    if findings.pbo is not None:
        numbers.append(f"PBO {findings.pbo:.2f}")
    if findings.outside is not None:
        numbers.append(f"{_ratio(findings.outside)} out of sample")
    inside = f" ({', '.join(numbers)})" if numbers else ""
    return f"More than luck, but which row you pick hardly matters{inside}: trust the plateau, not the peak"


def _holds_up(findings: Findings) -> str:
    ahead = ", ahead of holding" if findings.held is not None and (findings.sharpe or 0.0) > findings.held else ""
    return f"Holds up: beyond luck (p {_p(findings.p)}){ahead}, and {_ratio(findings.outside)} out of sample"


def _tail(findings: Findings) -> str:
    is_thin = findings.trades is not None and findings.trades < THIN_TRADES
    tail = f" on only {findings.trades:,} trades" if is_thin else ""
    if findings.p_holding is not None and findings.p_holding > CHANCE:
        tail += f"; its lead over holding may still be chance (p {_p(findings.p_holding)})"
    return tail


def _ratio(value: float | None) -> str:
    return MISSING if value is None else fixed(value, 2)


def _percent(p: float | None) -> str:
    return f"{100 * (p or 0.0):.0f}%"


def _in_hundred(p: float | None) -> str:
    return f"{100 * (p or 0.0):.0f}"


def _p(p: float | None) -> str:
    return f"{p:.3f}" if p is not None and p < 0.01 else f"{p:.2f}"
