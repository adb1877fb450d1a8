"""A backup of a running installation, restored into an empty database, goes on where it was."""

import os
import subprocess

import psycopg
import pytest

from tests.faults.histories import Watchers
from tests.faults.stack_under_test import new_postgres_database
from tests.production.profile import Production

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


def test_a_batch_that_ran_during_the_backup_ends_correctly_after_the_restore(production, tmp_path):
    expected = production.undisturbed()
    production.chunks(pace_s=0.15)
    session_id = production.start_batch()
    before = production.wait_for(session_id, 1_000)
    dump = tmp_path / "backup"
    subprocess.run(["pg_dump", "--format=custom", f"--file={dump}", production.database_url], check=True, timeout=60)
    production.chunks()
    production.wait_for_end(session_id)  # the original goes its own way

    restored = Production(tmp_path / "restored", new_postgres_database(os.environ["DATABASE_URL"]))
    subprocess.run(["pg_restore", "--exit-on-error", f"--dbname={restored.database_url}", dump], check=True, timeout=60)
    with psycopg.connect(restored.database_url) as connection:
        ((status, done),) = connection.execute(
            "SELECT status, successful + failed FROM batches_batchsession WHERE status = 'running'"
        ).fetchall()
    assert (status, before <= done < len(expected)) == ("running", True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(restored.secrets / "tls_certificate"))
        try:
            restored.start()
            Watchers(restored, [session_id]).wait()
            restored.check_exact(session_id, expected)
        finally:
            restored.end()
