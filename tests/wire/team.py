"""Scenes: people who sign in."""

from django.test import override_settings

from . import inside
from .exchanges import BATCH, INSTRUMENTS, start
from .price_files import LONG


async def team(wire):
    """Ask as nobody, with wrong tokens, and as people with and without rights."""
    with override_settings(ACCESS_MODE="team"):
        tokens = await inside.people_with_tokens()
        anns = await wire.submit(token=tokens["ann"], about="ann", symbols=["ACME"])
        await inside.finish(anns)
        callers = {"nobody": None, "a wrong token": "bt_wrong", "ann": tokens["ann"], "bob": tokens["bob"]}
        callers |= {"vic": tokens["vic"], "olga": tokens["olga"], "eve": tokens["eve"]}
        reading = (INSTRUMENTS, "/healthz", f"{BATCH}/{anns}", f"{BATCH}/{anns}/results?pageSize=1")
        for name, token in callers.items():
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            for path in reading:
                await wire.ask("GET", path, headers=headers, about=name)
            for word in ("cancel", "pause", "resume", "retry"):
                await wire.ask("POST", f"{BATCH}/{anns}/{word}", headers=headers, about=name)
            if name not in {"ann", "olga"}:
                await wire.ask("DELETE", f"{BATCH}/{anns}", headers=headers, about=name)
                await wire.stream(anns, headers=headers, about=name)
                await wire.websocket(f"/ws/backtest/batch/{anns}/", token=token, about=name)
                await wire.ask("POST", BATCH, start(sessionId=anns), headers=headers, about=f"{name}, the id of ann")
            await wire.ask("POST", f"{BATCH}/estimate", start(), headers=headers, about=name)
            await wire.upload(LONG, about=name, token=token)
        for scheme in ("Basic YTpi", "Bearer", "bearer  " + tokens["ann"]):
            await wire.ask("GET", INSTRUMENTS, headers={"Authorization": scheme}, about=f"scheme {scheme[:6]}")
        ann = {"Authorization": f"Bearer {tokens['ann']}"}
        with override_settings(OWNER_MAX_RUNNING=0):
            await wire.ask("POST", BATCH, start(), headers=ann, about="OWNER_MAX_RUNNING = 0")
        with override_settings(OWNER_MAX_COMBINATIONS_PER_DAY=10):
            await wire.ask("POST", BATCH, start(), headers=ann, about="OWNER_MAX_COMBINATIONS_PER_DAY = 10")
        for path in ("/api/docs", "/api/openapi.json", "/metrics", "/"):
            await wire.ask("GET", path, about="nobody")
        await wire.ask("DELETE", f"{BATCH}/{anns}", headers=ann, about="ann")
