"""What a load needs, computed from measured figures; `python -m benchmarks.scaling --plan` prints it."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """What a plan rests on. A test is a combination: sma_cross on 8,313 daily closes."""

    engine_tests_s: float = 346_000  # one core, computing alone
    worker_tests_s: float = 239_000  # the stack with one worker on SQLite, from the request to the last event
    postgres_worker_tests_s: float = 142_000  # the same on PostgreSQL
    tests_per_chunk: float = 25_000  # in a batch of 500,000
    bytes_per_test: float = 152  # of results, in the database
    chunks_s: float = 240  # recorded on SQLite, by one worker, 50 small batches at once
    postgres_chunks_s: float = 152  # the same on PostgreSQL
    small_chunk_tests: float = 250  # in a batch of 5,000 over 20 symbols
    # Not measured here: from RESULTS.md.
    watchers_per_process: float = 2_000  # all on one batch, or over 50
    watcher_bytes: float = 30_000
    event_s: float = 45e-6  # of a core, for one event to one watcher
    # How the program works: EVENT_INTERVAL_S, worker.TIME_SLICE_S.
    events_s: float = 2.0
    slice_s: float = 0.5


@dataclass(frozen=True)
class Needs:
    """What a load needs."""

    tests_s: float
    worker_cores: int
    chunks_s: tuple[float, float]  # from batches of 500,000, and of 5,000
    sqlite_share: float  # of the chunks that one worker recorded a second, when all batches are small
    postgres_share: float
    bytes_day: float
    bytes_s: float
    web_processes: int
    web_cores: float
    web_bytes: float
    redis_in_s: float  # messages sent to Redis
    redis_out_s: float  # messages that Redis hands out


def plan(figures: Figures, per_day: float, watchers: float, *, hours: float, running: int) -> Needs:
    """What `per_day` combinations within `hours` need, with `running` batches at a time that all processes watch."""
    tests_s = per_day / (hours * 3600)
    busy = tests_s / figures.postgres_worker_tests_s  # a load with several hosts wants PostgreSQL
    small = tests_s / figures.small_chunk_tests
    processes = math.ceil(watchers / figures.watchers_per_process)
    slices_s = busy / figures.slice_s  # each worker's time slice is one message in the queue
    events_s = running * figures.events_s
    return Needs(
        tests_s=tests_s,
        worker_cores=math.ceil(busy),
        chunks_s=(tests_s / figures.tests_per_chunk, small),
        sqlite_share=small / figures.chunks_s,
        postgres_share=small / figures.postgres_chunks_s,
        bytes_day=per_day * figures.bytes_per_test,
        bytes_s=tests_s * figures.bytes_per_test,
        web_processes=processes,
        web_cores=watchers * figures.events_s * figures.event_s,
        web_bytes=watchers * figures.watcher_bytes,
        redis_in_s=slices_s + events_s,
        redis_out_s=slices_s + events_s * processes,
    )


def print_plan(figures: Figures, per_day: float, watchers: float, running: int) -> None:
    """The needs, for work that is spread over the day, and for work that comes within one hour."""
    day, hour = (in_words(plan(figures, per_day, watchers, hours=hours, running=running)) for hours in (24, 1))
    print(f"{per_day:,.0f} combinations a day, {watchers:,.0f} watchers of {running} running batches")
    print(f"{'':52} {'over 24 h':>12} {'in one hour':>12}")
    for what, text in day.items():
        print(f"{what:52} {text:>12} {hour[what]:>12}")


def in_words(need: Needs) -> dict[str, str]:
    """Each of the needs with its name."""
    return {
        "combinations a second": f"{need.tests_s:,.0f}",
        "worker processes, a core each": f"{need.worker_cores}",
        "chunks recorded a second, batches of 500,000": f"{need.chunks_s[0]:.2f}",
        "chunks recorded a second, batches of 5,000": f"{need.chunks_s[1]:.1f}",
        "    of what one worker recorded on SQLite": f"{need.sqlite_share:.1%}",
        "    of what one worker recorded on PostgreSQL": f"{need.postgres_share:.1%}",
        "results, GB a day": f"{need.bytes_day / 1e9:.1f}",
        "results, MB a second": f"{need.bytes_s / 1e6:.2f}",
        "web processes": f"{need.web_processes}",
        "cores that they keep busy": f"{need.web_cores:.1f}",
        "memory of their watchers, GB": f"{need.web_bytes / 1e9:.1f}",
        "messages to Redis a second": f"{need.redis_in_s:,.0f}",
        "messages from Redis a second, at most": f"{need.redis_out_s:,.0f}",
    }
