"""What the doctor says of a site that requires a login."""

import httpx

from backtester.doctor.examination import examine
from backtester.doctor.probes import Site


def answer(request):
    if request.url.path == "/healthz":
        return httpx.Response(200, json={"ok": True, "redis": True})
    if request.url.path.startswith("/static/"):
        return httpx.Response(200, headers={"Content-Type": "text/javascript"})
    return httpx.Response(401)


async def test_the_doctor_asks_for_a_token_in_team_mode():
    site, findings = Site("http://backtester.example"), []
    await site.http.aclose()
    site.http = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url=site.url)
    assert not await examine(site, seconds=0, report=lambda _, reasons: findings.extend(reasons))
    assert findings == ["The site requires a login: pass a token with --token or in BACKTESTER_TOKEN."]
