"""The stages of a verdict, and one piece of them at a time: of a pass over all tests, of the shuffled histories."""

import contextlib
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator

import numpy as np

from backtester.engine import Strategy, is_built_in
from backtester.engine.arrays import Floats
from batches.models import BatchSession
from batches.results.columns import columns_of
from batches.results.ranking import best_position, ranked
from batches.sweep.chunking import least_tests
from batches.sweep.foreign_code import output_kept, time_limit
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.verdict import family, matrix, shuffles
from batches.verdict.layout import Layout, layout_of
from batches.verdict.options import Options
from batches.verdict.work import ANSWER, BEGIN, FAMILY, RANKS, SETTLING, SHUFFLES, Stage, Work
from batches.verdict_models import Verdict

STEP_S = 0.1  # target duration of a step
FIRST_TESTS, MOST_TESTS = 16, 2_048  # of a step, see also `least_tests`; the sums of so many tests take some 20 MB
FOREIGN_LIMIT_S = 60.0  # of a step that runs a user's own strategy
CACHED = 16
Key = tuple[Hashable, ...]


class Judge:
    """A verdict's layout and the pace of its stages in this process. A stage is so many positions, in any order."""

    def __init__(self, session: BatchSession, options: Options) -> None:
        self.session = session
        self.layout: Layout = layout_of(session, options)
        self.metric = METRICS_BY_WIRE_NAME[session.sort_by]
        self.best = self._best()
        self.ends = np.cumsum([span.stop - span.start for span in self.layout.spans], dtype=np.int64)
        self.sizes = dict.fromkeys((FAMILY, RANKS, SHUFFLES), FIRST_TESTS) | {SETTLING: 1}
        most_bars = max((prices.n_bars for prices in self.layout.series.values()), default=0)
        self.least = least_tests(self.layout.plan.grid.strategy, most_bars)
        self.paces: dict[Stage, float] = {}

    def _best(self) -> float:
        values = ranked(columns_of(self.session, keep=False), self.metric)
        position = best_position(values, self.metric)
        return float("nan") if position is None else float(values[position])

    def begin(self) -> Work:
        layout = self.layout
        cells, options = len(matrix.windows_of(layout)), layout.options
        return Work.begin(options.replicates, len(layout.splits), len(layout.windows), cells, options.shuffles)

    def size(self, stage: Stage, work: Work) -> int:
        """Return the number of positions of a stage."""
        if stage in (FAMILY, RANKS):
            return self.layout.tests
        if stage == SETTLING:
            return len(family.tests_to_settle(work))
        return self.layout.options.shuffles * self.layout.tests if stage == SHUFFLES else 1

    def compute(self, stage: Stage, known: Work, start: int, stop: int, until: float) -> tuple[Work, int]:
        """Work on the positions [start, stop) of a stage until a time; return what was found, and where it ends.

        known : what all pieces have found before
        """
        part, at, began = self.begin(), start, time.perf_counter()
        while at < stop and (at == start or time.monotonic() < until):
            at = self._step(stage, known, part, at, stop)
            if stage == SHUFFLES and self._is_decided(known, part):
                break
        self.paces[stage] = (at - start) / max(time.perf_counter() - began, 1e-4)
        return part, at

    def _step(self, stage: Stage, known: Work, part: Work, at: int, stop: int) -> int:
        size = self.sizes[stage] if stage == SETTLING else max(self.sizes[stage], self.least)
        stop, began = min(stop, at + size), time.perf_counter()
        with _contained(self.layout.plan.grid.strategy):
            if stage == SETTLING:
                family.settle_winners(self.layout, known, part, at, stop)
            else:
                stop = self._run(stage, known, part, at, stop)
        self._adapt(stage, stop - at, time.perf_counter() - began)
        return stop

    def _run(self, stage: Stage, known: Work, part: Work, at: int, stop: int) -> int:
        """Run tests from a position on, up to another one or the end of their series; return up to which."""
        draw, test = divmod(at, self.layout.tests)
        number = int(np.searchsorted(self.ends, test, side="right"))
        stop = min(stop, at + int(self.ends[number]) - test)
        span = self.layout.spans[number]
        first = span.stop - (int(self.ends[number]) - test)
        last = first + stop - at
        if stage == FAMILY:
            family.add_tests(self.layout, part, span, first, last)
        elif stage == RANKS:
            family.add_ranks(self.layout, known, part, span, first, last)
        else:
            shuffles.add_shuffled(self.layout, part, draw, span, (first, last), self.metric.name)
        return stop

    def _adapt(self, stage: str, tests: int, seconds: float) -> None:
        size = int(tests * min(4.0, STEP_S / max(seconds, 1e-4)))
        fewest = 1 if stage == SETTLING else FIRST_TESTS  # winners are settled one by one
        self.sizes[stage] = max(fewest, min(MOST_TESTS, size))

    def stage_after(self, stage: Stage, work: Work) -> Stage:
        """Return the stage that follows one whose pieces are all finished."""
        if stage == BEGIN:
            return FAMILY
        if stage == FAMILY and self._needs_ranks(work):
            return SETTLING
        if stage == SETTLING:
            return RANKS
        return SHUFFLES if stage != SHUFFLES and self._needs_shuffles(work) else ANSWER

    def is_over(self, stage: Stage, work: Work, left: int) -> bool:
        """Return whether a stage with so many positions left needs no more of them."""
        return left == 0 or (stage == SHUFFLES and not self._needs_shuffles(work))

    def _is_decided(self, known: Work, part: Work) -> bool:
        draws, drawn = np.fmax(known.draws, part.draws), known.drawn + part.drawn
        return not self._needs_shuffles(Work(defined=known.defined, draws=draws, drawn=drawn))

    def _needs_ranks(self, work: Work) -> bool:
        return self.layout.blocks is not None and not self.layout.is_too_short and work.defined > 1

    def _needs_shuffles(self, work: Work) -> bool:
        if not self.layout.options.shuffles or self.layout.is_too_short or not work.defined or np.isnan(self.best):
            return False
        return shuffles.outcome(self.layout, work, self.best, self.metric.name) is None

    def progress(self, stage: Stage, work: Work, left: int) -> str:
        """Return what is being done, in words."""
        if stage == SHUFFLES:
            finished = len(shuffles.finished_draws(self.layout, work, self.metric.name))
            most = self.layout.options.shuffles
            return f"Running your sweep again on shuffled days: {min(finished + 1, most):,} of {most:,}"
        if stage == ANSWER:
            return "Putting the answer together"
        done = self.layout.tests - left if stage in (FAMILY, RANKS) else 0
        doing = "Comparing the tests with luck and with holding" if stage == FAMILY else "Ranking out of sample"
        return f"{doing}: {done:,} of {self.layout.tests:,} tests"


@contextlib.contextmanager
def _contained(strategy: Strategy) -> Iterator[None]:
    """Limit the time and the output of a user's own strategy."""
    if is_built_in(strategy.name):
        yield
        return
    with output_kept(), time_limit(FOREIGN_LIMIT_S):
        yield


_judges: OrderedDict[Key, Judge] = OrderedDict()


def judge_of(session: BatchSession, verdict: Verdict) -> Judge:
    """Return the judge of a verdict, cached: neither the batch nor the options change while it is computed."""
    key = _key(session, verdict)
    judge = _judges.pop(key, None) or Judge(session, Options.from_json(verdict.options))
    _judges[key] = judge
    while len(_judges) > CACHED:
        _judges.popitem(last=False)
    return judge


def known_pace(session: BatchSession, verdict: Verdict, stage: Stage) -> float | None:
    """Return how many positions of a stage this process does in a second, None if it has done none."""
    judge = _judges.get(_key(session, verdict))
    return judge.paces.get(stage) if judge else None


def _key(session: BatchSession, verdict: Verdict) -> Key:
    return session.pk, session.created_at, verdict.created_at, session.current


def joined_rows(blocks: list[bytes]) -> Floats:
    """Return float64[4, n] of the stored rows of all turns."""
    arrays = [np.frombuffer(block, dtype=np.float64).reshape(4, -1) for block in blocks]
    return np.concatenate(arrays, axis=1) if arrays else np.empty((4, 0))
