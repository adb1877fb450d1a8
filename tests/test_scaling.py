"""What a load needs, computed from figures: benchmarks/scaling_plan.py."""

import importlib

import pytest

from benchmarks.scaling_plan import Figures, plan, print_plan
from tests.support.doc_blocks import blocks

FIGURES = Figures(
    engine_tests_s=2_000,
    worker_tests_s=1_500,
    postgres_worker_tests_s=1_000,
    tests_per_chunk=5_000,
    bytes_per_test=100,
    chunks_s=40,
    postgres_chunks_s=80,
    small_chunk_tests=500,
    watchers_per_process=300,
    watcher_bytes=1_000,
    event_s=1e-3,
    events_s=2,
    slice_s=0.25,
)


def test_a_load_is_divided_by_what_one_of_each_does():
    needs = plan(FIGURES, 36_000_000, 1_000, hours=1, running=5)
    assert needs.tests_s == 10_000
    assert needs.worker_cores == 10
    assert needs.chunks_s == (2.0, 20.0)
    assert (needs.sqlite_share, needs.postgres_share) == (0.5, 0.25)
    assert needs.bytes_day == 3.6e9
    assert needs.bytes_s == 1e6
    assert needs.web_processes == 4
    assert needs.web_cores == pytest.approx(2)
    assert needs.web_bytes == 1e6
    assert needs.redis_in_s == 40 + 10
    assert needs.redis_out_s == 40 + 10 * 4


def test_work_in_one_hour_needs_more_at_a_time_but_no_more_room():
    day, hour = (plan(FIGURES, 36_000_000, 1_000, hours=hours, running=5) for hours in (24, 1))
    assert hour.tests_s == pytest.approx(24 * day.tests_s)
    assert hour.bytes_day == day.bytes_day
    assert hour.web_processes == day.web_processes


def test_the_plan_is_printed_for_a_day_and_for_an_hour(capsys):
    print_plan(FIGURES, 36_000_000, 1_000, 5)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "36,000,000 combinations a day, 1,000 watchers of 5 running batches"
    assert [line.split()[-2:] for line in lines if line.startswith("combinations a second")] == [["417", "10,000"]]


def test_the_command_of_the_page_prints_what_stands_below_it(capsys, monkeypatch, tmp_path):
    (command,), (plan_below,) = blocks("docs/scaling.md", "sh"), blocks("docs/scaling.md", "text")
    python, module, name, *arguments = command.text.split()
    assert (python, module) == ("python", "-m")
    scaling = importlib.import_module(name)
    monkeypatch.setattr("sys.argv", [name, *arguments])
    monkeypatch.setattr(scaling, "FOUND", tmp_path / "nothing is measured here.json")
    scaling.main()
    assert capsys.readouterr().out == plan_below.text
