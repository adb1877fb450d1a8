"""What a watcher decides, without any socket."""

import json

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from backtester.client import NotFound, NotSignedIn, Refused, Unreachable
from backtester.client.watching import EVENT_STREAM, LADDER, POLLING, WEBSOCKET, StreamParser, Watching


def text(sequence, kind="progress", **fields):
    return json.dumps({"type": kind, "sequence": sequence, **fields})


@pytest.fixture
def watch():
    return Watching()


def heard(watch, *texts):
    return [event.sequence for each in texts if (event := watch.heard(each)) is not None]


def closed_with(code):
    return ConnectionClosedError(Close(code, ""), None)


def test_what_is_not_newer_is_left_out_also_after_coming_back(watch):
    assert heard(watch, text(3, "connected"), text(5), text(4), text(5)) == [3, 5]
    watch.lost(OSError("cut"), now=0.0)
    assert heard(watch, text(5, "connected"), text(7)) == [7]


def test_it_ends_with_the_terminal_event_alone(watch):
    watch.heard(text(8, "connected", status="complete"))
    assert not watch.ended
    event = watch.heard(text(9, "complete", results={"totalCombinations": 3}))
    assert event.is_terminal
    assert event.results == {"totalCombinations": 3}
    assert watch.ended


def test_a_field_of_a_newer_server_is_in_the_raw_event(watch):
    event = watch.heard(text(1, bestSoFar={"index": 2}, novelty=[1]))
    assert event.best_so_far == {"index": 2}
    assert event.raw["novelty"] == [1]


def test_a_transport_that_never_worked_gives_way_to_the_next_one(watch):
    tried = []
    for _ in range(4):
        tried.append(watch.transport)
        watch.lost(OSError("refused"), now=0.0)
    assert tried == [WEBSOCKET, EVENT_STREAM, POLLING, WEBSOCKET]


def test_after_a_connection_that_worked_the_best_way_is_tried_first(watch):
    watch.rung = LADDER.index(EVENT_STREAM)
    heard(watch, text(1))
    watch.lost(OSError("cut"), now=0.0)
    assert watch.transport == WEBSOCKET  # the best one: what was in its way may be gone


def test_pauses_grow_are_spread_and_have_an_end(watch):
    pauses = [watch.lost(OSError("refused"), now=0.0) for _ in range(200)]
    assert pauses[0] <= 0.3
    assert 4 < max(pauses) <= 8
    assert len(set(pauses)) == len(pauses)


def test_a_stream_that_ends_by_design_is_opened_again_at_once(watch):
    heard(watch, text(1))
    assert watch.closed() == 0.0
    later = [watch.closed() for _ in range(100)]
    assert max(later) > 1, "streams that end again and again are not opened in a hurry"


@pytest.mark.parametrize(("code", "error"), [(4404, NotFound), (4401, NotSignedIn)])
def test_a_final_close_code_is_final(watch, code, error):
    with pytest.raises(error):
        watch.lost(closed_with(code), now=0.0)


@pytest.mark.parametrize("code", [1006, 1011, 1012, 4408, 4429])
def test_other_close_codes_are_not(watch, code):
    watch.lost(closed_with(code), now=0.0)


def test_a_refusal_on_the_stream_is_final_unless_there_is_only_no_room(watch):
    with pytest.raises(NotFound, match="no such batch") as found:
        watch.heard('{"success": false, "error": "There is no such batch.", "code": "NOT_FOUND"}')
    with pytest.raises(NotFound):
        watch.lost(found.value, now=0.0)
    with pytest.raises(Refused) as full:
        watch.heard('{"success": false, "error": "No room.", "code": "LIMIT_REACHED"}')
    watch.lost(full.value, now=0.0)


def test_it_gives_up_sooner_when_it_has_never_heard_anything(watch):
    watch.lost(OSError("refused"), now=100.0)
    watch.lost(OSError("refused"), now=129.0)
    with pytest.raises(Unreachable, match="30 s: refused"):
        watch.lost(OSError("refused"), now=131.0)


def test_its_patience_begins_when_the_server_goes_away_however_quiet_it_was_before(watch):
    heard(watch, text(1))
    watch.lost(OSError("cut"), now=10_000.0)
    watch.lost(OSError("refused"), now=10_299.0)
    heard(watch, text(1, "connected"))  # back again, with nothing new
    watch.lost(OSError("cut"), now=20_000.0)
    with pytest.raises(Unreachable, match="300 s"):
        watch.lost(OSError("refused"), now=20_301.0)


def test_what_is_no_event_is_trouble(watch):
    with pytest.raises(Unreachable, match="is the address right"):
        watch.heard("<html>")


def test_the_bytes_of_a_stream_may_be_cut_anywhere():
    lines = b': heartbeat\n\nid: 1\r\nevent: progress\r\ndata: {"a": "\xe2\x80\xa8"}\r\n\r\n'
    lines += b"retry: 300\n\ndata: 2\ndata: 3\n\n"
    for size in (1, 2, 5, len(lines)):
        parser = StreamParser()
        parts = [lines[at : at + size] for at in range(0, len(lines), size)]
        assert [found for part in parts for found in parser.feed(part)] == ['{"a": "\u2028"}', "2\n3"]
