"""The events that the hub reads from the rows of many batches together."""

import pytest

from batches.live import reads
from tests.support import jobs


@pytest.mark.django_db
def test_an_event_that_cannot_be_made_keeps_no_other_batch_from_its_own(start, submitted, monkeypatch, caplog):
    other, newest_event = jobs.submit(start(symbols=["ACME"])), reads.newest_event

    def fail_for_one(session, now):
        if session.pk == submitted.pk:
            raise TypeError("str is not valid UTF-8")
        return newest_event(session, now)

    monkeypatch.setattr(reads, "newest_event", fail_for_one)
    ((pk, event),) = reads.newer_events({submitted.pk: 0, other.pk: 0})
    assert (pk, event.kind) == (other.pk, "progress")
    assert str(submitted.pk) in caplog.text
