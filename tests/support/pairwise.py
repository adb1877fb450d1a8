"""Few cases in which each value of each switch meets each value of every other."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

Pair = frozenset[tuple[str, int]]


def pairwise(switches: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return cases that hold every pair of values: each begins with a missing pair and takes what covers the most."""
    pairs = {
        frozenset({(one, i), (other, j)}): None
        for one, other in combinations(switches, 2)
        for i in range(len(switches[one]))
        for j in range(len(switches[other]))
    }
    cases = []
    while pairs:
        case: dict[str, int] = dict(next(iter(pairs)))
        for name in switches:
            if name not in case:
                case[name] = max(range(len(switches[name])), key=lambda at: _covered(pairs, case, name, at))
        for pair in combinations(case.items(), 2):
            pairs.pop(frozenset(pair), None)
        cases.append({name: switches[name][case[name]] for name in switches})
    return cases


def _covered(pairs: Mapping[Pair, None], case: Mapping[str, int], name: str, at: int) -> int:
    return sum(frozenset({(name, at), item}) in pairs for item in case.items())
