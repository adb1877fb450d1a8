"""Every JSON answer and every event is what was recorded, except for the wording of messages.

`python -m tests.wire.record` records anew; look at the difference before you commit it.
"""

import difflib
import gzip
import json
import os
from pathlib import Path

import pytest

from .session import play

pytestmark = pytest.mark.django_db(transaction=True)
RECORDED = Path(__file__).with_name("recorded.json.gz")
MOST_SHOWN, LONGEST_DIFF = 12, 60
TIMEOUT_S = 300  # kernels that are not in the cache are compiled meanwhile


@pytest.mark.timeout(TIMEOUT_S)
async def test_the_wire_is_as_it_was_recorded():
    exchanges = await play()
    names = [exchange["name"] for exchange in exchanges]
    assert len(set(names)) == len(names)
    if os.environ.get("WIRE_RECORD"):
        write(exchanges)
        return
    recorded = read()
    problems = differences(recorded, exchanges)
    shown = "\n\n".join(problems[:MOST_SHOWN])
    assert not problems, f"{len(problems)} of {len(recorded)} exchanges differ:\n\n{shown}"


def differences(recorded, played):
    """Say for each exchange that differs what was recorded and what came."""
    before, after = ({each["name"]: each for each in some} for some in (recorded, played))
    problems = [f"no longer asked: {name}" for name in before.keys() - after.keys()]
    problems += [f"not recorded: {name}" for name in after.keys() - before.keys()]
    for name in before:
        if name in after and (words := difference(before[name], after[name])):
            problems.append(f"{name}\n{words}")
    return problems


def difference(before, after):
    """Return a unified diff of two exchanges, or nothing."""
    old, new = pretty(before), pretty(after)
    lines = list(difflib.unified_diff(old, new, "recorded", "now", lineterm="", n=2))
    return "\n".join(lines[:LONGEST_DIFF] + (["..."] if len(lines) > LONGEST_DIFF else []))


def pretty(exchange):
    """Return the lines of an exchange, without what its messages say."""
    return json.dumps({key: exchange[key] for key in exchange.keys() - {"texts"}}, indent=1, sort_keys=True).split("\n")


def read():
    return json.loads(gzip.decompress(RECORDED.read_bytes()))


def write(exchanges):
    """Write one exchange a line."""
    lines = ",\n".join(json.dumps(each, sort_keys=True, ensure_ascii=False) for each in exchanges)
    RECORDED.write_bytes(gzip.compress(f"[\n{lines}\n]\n".encode(), mtime=0))
