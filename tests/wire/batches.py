"""Scenes: estimates, and the states that a batch goes through."""

import asyncio

from . import inside
from .exchanges import BATCH, SECONDS, UNKNOWN, start


async def estimates(wire):
    for about, changes in {
        "plain": {},
        "excluded": {"parameterRanges": {"fast": [5, 20, 40], "slow": [10, 30, 50]}},
        "scaled": {"enableBetaScaling": True, "coefficients": [0.5, 1]},
        "defaults": {"parameterRanges": {}},
        "dates": {"symbols": ["ACME"], "startDate": "2020-01-02", "endDate": "2020-06-30"},
        "legacy": {"symbols": None, "parameterRanges": {"symbols": ["ACME"], "fast": [3], "startDate": "2020-01-02"}},
    }.items():
        await wire.ask("POST", f"{BATCH}/estimate", start(**changes), about=about)


# Some chunks, whose tests all fail: the first one ends the batch.
ABORTED = {
    "symbols": ["CORE"],
    "parameterRanges": {"fast": [3, 5, 8], "slow": {"start": 70, "stop": 95, "step": 1}},
    "abortFailureShare": 0,
    "abortMinimumTests": 1,
}


async def life(wire):
    """Look at batches in every state, and move them to the others."""
    queued = await wire.submit(about="queued")
    await look(wire, queued, "queued")
    running = await wire.submit(about="running", symbols=["ACME", "BOLT"])
    await inside.work_some(running, 3)
    await look(wire, running, "running")
    await move(wire, running, "running", "resume", "retry", "delete", "pause")
    await look(wire, running, "paused")
    await move(wire, running, "paused", "pause", "retry", "delete", "resume")
    await inside.finish(running)
    await look(wire, running, "complete")
    await move(wire, running, "complete", "pause", "resume", "cancel", "retry")
    await move(wire, queued, "queued", "pause", "resume", "cancel")
    await look(wire, queued, "cancelled before it ran")
    half = await wire.submit(about="to be cancelled")
    await inside.work_some(half, 4)
    await move(wire, half, "running", "cancel", "cancel", "pause", "resume")
    await look(wire, half, "cancelled")
    await retried(wire, half, "cancelled")
    late = await wire.submit(about="to be late", timeoutSeconds=60)
    await inside.work_some(late, 2)
    await inside.expire(late)
    await look(wire, late, "late")
    await move(wire, late, "late", "cancel")
    failing = await wire.finished(about="to be aborted", **ABORTED)
    await look(wire, failing, "aborted")
    await retried(wire, failing, "aborted")
    nothing = await wire.finished(about="all fail", symbols=["CORE"], parameterRanges={"fast": [3], "slow": [70, 80]})
    await look(wire, nothing, "without a result")
    await retried(wire, nothing, "without a result")
    await move(wire, nothing, "without a result", "delete", "delete")
    await look(wire, nothing, "deleted")


async def move(wire, session_id, state, *words):
    for word in words:
        if word == "delete":
            await wire.ask("DELETE", f"{BATCH}/{session_id}", about=state)
        else:
            await wire.ask("POST", f"{BATCH}/{session_id}/{word}", about=state)


async def retried(wire, session_id, state):
    """Retry a batch, look at the new one before and after its end."""
    answer = await wire.ask("POST", f"{BATCH}/{session_id}/retry", about=state)
    new = answer["sessionId"]
    await wire.ask("GET", f"{BATCH}/{new}", about=f"retry of {state}")
    await inside.finish(new)
    await wire.ask("GET", f"{BATCH}/{new}", about=f"end of the retry of {state}")
    await wire.ask("POST", f"{BATCH}/{new}/retry", about=f"retry of the retry of {state}")
    await wire.stream(new, about=f"retry of {state}") if wire.last.status_code != 202 else None


async def look(wire, session_id, state):
    """Ask for everything that can be read of a batch."""
    one = f"{BATCH}/{session_id}"
    for rest in (
        "", "/results?pageSize=3", "/results.csv", "/results.json", "/results.parquet", "/heatmap", "/results/0",
    ):  # fmt: skip
        await wire.ask("GET", one + rest, about=state)
    if state not in {"queued", "running", "paused"}:
        await wire.stream(session_id, about=state)
        await wire.websocket(f"/ws/backtest/batch/{session_id}/", about=state)


async def starts(wire):
    """Start in every way; wait for the end in every way."""
    await wire.finished(about="defaults", parameterRanges={}, symbols=["acme", "ACME"])
    generated = await wire.ask("POST", BATCH, start(symbols=["ACME"]), about="no id")
    await wire.ask("GET", f"{BATCH}/{generated['sessionId']}", about="no id")
    same = await wire.submit(about="an id", symbols=["ACME"])
    await wire.ask("POST", BATCH, start(sessionId=same, symbols=["ACME"]), about="the same again")
    await wire.ask("POST", BATCH, start(sessionId=same, symbols=["BOLT"]), about="another under the same id")
    await wire.ask("POST", BATCH, start(sessionId=same.replace("-", "").upper()), about="another spelling of the id")
    await wire.ask("POST", f"{BATCH}?async=true", start(sessionId=next(wire.ids)))
    for prefer in ("respond-async", "wait=0", "wait=1", "respond-async, wait=1", "wait=x", "return=minimal"):
        body = start(sessionId=next(wire.ids), symbols=["ACME"])
        await wire.ask("POST", BATCH, body, headers={"Prefer": prefer}, about=f"Prefer: {prefer}")
    await waited(wire, inside.finish, "finished")
    await waited(wire, inside.finish, "finished in time", path=BATCH, headers={"Prefer": "respond-async, wait=15"})
    await waited(wire, inside.expire, "late")
    await waited(wire, inside.finish, "aborted", **ABORTED)
    await waited(wire, inside.cancel, "cancelled")
    whole = {"includeComparison": False, "wholeShares": True, "slippage": 0.001, "initialCapital": 5000}
    session_id = await wire.finished(about="other rules", direction="both", sortBy="maxDrawdown", **whole)
    await look(wire, session_id, "other rules")
    legacy = {"symbols": ["ACME"], "fast": [3, 5], "slow": [10], "startDate": "2020-01-02", "endDate": "2020-06-30"}
    session_id = await wire.finished(about="legacy", symbols=None, parameterRanges=legacy)
    await wire.ask("GET", f"{BATCH}/{session_id}", about="legacy")


async def waited(wire, act, about, *, path=f"{BATCH}?async=false", headers=None, **changes):
    """Start a batch, act on it while the request waits for its end."""
    body = start(sessionId=next(wire.ids), **changes)
    asking = asyncio.create_task(wire.ask("POST", path, body, headers=headers, about=about))
    async with asyncio.timeout(SECONDS):
        while not await inside.exists(body["sessionId"]):
            await asyncio.sleep(0.01)
        await act(body["sessionId"])
        await asking


async def unknown_batches(wire):
    for name in (UNKNOWN, "nonsense", "%00", UNKNOWN.replace("-", "")):
        for rest in ("", "/results", "/results.csv", "/results.json", "/results.parquet", "/heatmap", "/results/0"):
            await wire.ask("GET", f"{BATCH}/{name}{rest}")
        for rest in ("/cancel", "/pause", "/resume", "/retry", "/nothing"):
            await wire.ask("POST", f"{BATCH}/{name}{rest}")
        await wire.ask("DELETE", f"{BATCH}/{name}")
    await wire.ask("POST", f"{BATCH}/{UNKNOWN}/retry?async=maybe")
