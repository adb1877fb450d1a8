"""An operator follows docs/deploy.md from top to bottom. The first block has started the installation."""

import pytest

from tests.faults.histories import Watchers
from tests.production.page import PAGE
from tests.support.stack_process import until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


def test_the_doctor_finds_nothing_wrong_with_the_public_address(production, containers):
    token = production.headers["Authorization"].removeprefix("Bearer ")
    assert "All is well." in containers.follow(PAGE.address, TOKEN=token)


def test_more_of_a_part_is_one_command_and_nginx_finds_the_new_servers(production, containers):
    containers.follow(PAGE.more)
    assert production.names("web") == ["web1", "web2", "web3"]
    assert production.names("worker") == ["worker1", "worker2"]
    production.stop("web1", "web2")
    assert production.ask("GET", "/api/strategies").status_code == 200, "the third is asked"


def test_the_unit_for_systemd_runs_a_worker_on_another_host(production, containers):
    containers.unit(PAGE.unit, "worker3")
    until(production.is_ready, "its sign of life")
    production.stop("worker1", "worker2")
    session_id = production.start_batch()
    assert production.wait_for_end(session_id)["type"] == "complete"


def test_an_upgrade_under_a_running_batch_loses_nothing(production, containers):
    expected = production.undisturbed()
    production.chunks(pace_s=0.15)
    session_id = production.start_batch()
    watchers = Watchers(production, [session_id], count=4)
    production.wait_for(session_id, 1)
    before = {name: part.pid for name, part in production.parts.items()}
    containers.follow(PAGE.upgrade)
    ours = {"watchdog", "web1", "web2", "worker1"}
    assert {name for name, part in production.parts.items() if part.pid != before[name]} == ours, "they are new"
    production.chunks()
    watchers.wait()
    production.check_exact(session_id, expected)
    assert production.traceback() == ""


def test_a_batch_that_ran_during_the_backup_ends_correctly_after_the_restore(production, containers):
    expected = production.undisturbed()
    production.chunks(pace_s=0.15)
    session_id = production.start_batch()
    before = production.wait_for(session_id, 1_000)
    containers.follow(PAGE.backup)
    production.chunks()
    assert production.wait_for_end(session_id)["type"] == "complete"  # it goes its own way until the restore
    production.chunks(pace_s=0.15)
    containers.follow(PAGE.restore)
    watchers = Watchers(production, [session_id])
    assert before <= production.tests_done(session_id) < len(expected), "it is where it was"
    production.chunks()
    watchers.wait()
    production.check_exact(session_id, expected)
