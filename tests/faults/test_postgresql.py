"""PostgreSQL ends every connection at once, as a restart of it does."""

import time

import psycopg
import pytest

from tests.faults.histories import Watchers

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600), pytest.mark.database("postgresql")]
END_ALL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def test_connections_that_are_ended_cost_a_moment(stack, measured):
    expected = stack.undisturbed()
    stack.chunks(pace_s=0.2)
    session_id = stack.start_batch()
    watchers = Watchers(stack, [session_id])
    stack.wait_for(session_id, 1)
    for _ in range(3):
        with psycopg.connect(stack.database_url, autocommit=True) as connection:
            connection.execute(END_ALL)
        ended, done = time.monotonic(), stack.tests_done(session_id)
        stack.wait_for(session_id, min(len(expected), done + 4 * 540))
        measured("progress after PostgreSQL has ended all connections", time.monotonic() - ended, 5)
    stack.chunks()
    watchers.wait()
    stack.check_exact(session_id, expected)
