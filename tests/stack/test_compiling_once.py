"""Processes that start at the same time compile the kernels once."""

import threading

from django.core.management import call_command

from backtester.management.commands import warm_kernels
from backtester.stack import kernel_cache


def test_a_second_process_waits_and_then_compiles_nothing(tmp_path, settings, monkeypatch):
    compiled = []
    settings.NUMBA_CACHE_DIR = tmp_path / "numba"
    monkeypatch.setattr(warm_kernels, "compile_kernels", compiled.append)
    second = threading.Thread(target=call_command, args=["warm_kernels"])
    with kernel_cache.compiling_alone(settings.NUMBA_CACHE_DIR):
        second.start()
        second.join(0.2)
        assert second.is_alive(), "it waits for the first"
        kernel_cache.mark_warm(settings.NUMBA_CACHE_DIR)
    second.join(30)
    assert not second.is_alive()
    assert compiled == []


def test_a_cache_that_cannot_be_written_is_compiled_without_waiting(tmp_path, settings, monkeypatch):
    (tmp_path / "numba").touch()
    settings.NUMBA_CACHE_DIR = tmp_path / "numba"
    compiled = []
    monkeypatch.setattr(warm_kernels, "compile_kernels", compiled.append)
    call_command("warm_kernels")
    assert len(compiled) == 1
