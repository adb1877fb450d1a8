"""One step of a verdict at a time: a piece of a pass, a piece of a shuffled history, the answer."""

import contextlib
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator

import numpy as np

from backtester.engine import Strategy, is_built_in
from backtester.engine.arrays import Floats
from batches.models import BatchSession
from batches.results.columns import columns_of
from batches.results.ranking import best_position
from batches.sweep.chunking import least_tests
from batches.sweep.foreign_code import output_kept, time_limit
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.verdict import family, matrix, shuffles
from batches.verdict.layout import Layout, Span, layout_of
from batches.verdict.options import Options
from batches.verdict.work import ANSWER, FAMILY, RANKS, SETTLING, SHUFFLES, Work
from batches.verdict_models import Verdict

STEP_S = 0.1  # how long a step shall take
FIRST_TESTS, MOST_TESTS = 16, 2_048  # of a step, see also `least_tests`; the sums of so many tests take some 20 MB
FOREIGN_LIMIT_S = 60.0  # of a step that runs a user's own strategy
CACHED = 16
Key = tuple[Hashable, ...]


class Judge:
    """A verdict's layout and the pace of its stages in this process."""

    def __init__(self, session: BatchSession, options: Options) -> None:
        self.session = session
        self.layout: Layout = layout_of(session, options)
        self.metric = METRICS_BY_WIRE_NAME[session.sort_by]
        self.best = self._best()
        self.sizes = dict.fromkeys((FAMILY, RANKS, SHUFFLES), FIRST_TESTS) | {SETTLING: 1}

    def _best(self) -> float:
        values = columns_of(self.session, keep=False).metric(self.metric.name)
        position = best_position(values, self.metric)
        return float("nan") if position is None else float(values[position])

    def begin(self) -> Work:
        layout = self.layout
        cells = len(matrix.windows_of(layout))
        return Work.begin(layout.options.replicates, len(layout.splits), len(layout.windows), cells)

    def step(self, work: Work) -> None:
        """Do one step, which brings the work on; the last stage is left to the caller."""
        if work.stage == SETTLING:
            self._settle(work)
            return
        if work.span >= len(self.layout.spans):
            self._end_of_pass(work)
            return
        span = self.layout.spans[work.span]
        start = span.start + work.at
        least = least_tests(self.layout.plan.grid.strategy, self.layout.series[span.number].n_bars)
        stop = min(span.stop, start + max(least, self.sizes[work.stage]))
        began = time.perf_counter()
        with _contained(self.layout.plan.grid.strategy):
            self._run(work, span, start, stop)
        self._adapt(work.stage, stop - start, time.perf_counter() - began)
        work.at = stop - span.start
        if stop == span.stop:
            work.span, work.at = work.span + 1, 0

    def _settle(self, work: Work) -> None:
        tests, began = self.sizes[SETTLING], time.perf_counter()
        with _contained(self.layout.plan.grid.strategy):
            are_settled = family.settle_winners(self.layout, work, tests)
        self._adapt(SETTLING, tests, time.perf_counter() - began)
        if are_settled:
            work.next_stage(RANKS)

    def _run(self, work: Work, span: Span, start: int, stop: int) -> None:
        if work.stage == FAMILY:
            family.add_tests(self.layout, work, span, start, stop)
        elif work.stage == RANKS:
            family.add_ranks(self.layout, work, span, start, stop)
        else:
            shuffles.add_shuffled(self.layout, work, span, (start, stop), self.metric.name)

    def _adapt(self, stage: str, tests: int, seconds: float) -> None:
        wanted = int(tests * min(4.0, STEP_S / max(seconds, 1e-4)))
        fewest = 1 if stage == SETTLING else FIRST_TESTS  # winners are settled one by one
        self.sizes[stage] = max(fewest, min(MOST_TESTS, wanted))

    def _end_of_pass(self, work: Work) -> None:
        if work.stage == SHUFFLES:
            shuffles.end_draw(work)
        elif work.stage == FAMILY and self._needs_ranks(work):
            work.next_stage(SETTLING)
            return
        else:
            work.next_stage(SHUFFLES)
        if not self._needs_shuffles(work):
            work.next_stage(ANSWER)

    def _needs_ranks(self, work: Work) -> bool:
        return self.layout.blocks is not None and not self.layout.is_too_short and work.defined > 1

    def _needs_shuffles(self, work: Work) -> bool:
        if not self.layout.options.shuffles or self.layout.is_too_short or not work.defined or np.isnan(self.best):
            return False
        return shuffles.outcome(self.layout, work, self.best, self.metric.name) is None

    def progress(self, work: Work) -> str:
        """Return what is being done, in words."""
        if work.stage == SHUFFLES:
            most = self.layout.options.shuffles
            return f"Running your sweep again on shuffled days: {len(work.draws) + 1:,} of {most:,}"
        begun = 0 if work.stage == SETTLING else work.at
        done = sum(span.stop - span.start for span in self.layout.spans[: work.span]) + begun
        doing = "Comparing the tests with luck and with holding" if work.stage == FAMILY else "Ranking out of sample"
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
    key = (session.pk, session.created_at, verdict.created_at, session.current)
    judge = _judges.pop(key, None) or Judge(session, Options.from_json(verdict.options))
    _judges[key] = judge
    while len(_judges) > CACHED:
        _judges.popitem(last=False)
    return judge


def joined_rows(blocks: list[bytes]) -> Floats:
    """Return float64[4, n] of the stored rows of all turns."""
    arrays = [np.frombuffer(block, dtype=np.float64).reshape(4, -1) for block in blocks]
    return np.concatenate(arrays, axis=1) if arrays else np.empty((4, 0))
