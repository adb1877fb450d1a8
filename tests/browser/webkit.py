"""WebKitGTK, spoken to by the WebDriver protocol: Playwright's own WebKit is not the one that Linux desktops have."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx

from tests.support.stack_process import until

DRIVER = "WebKitWebDriver"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of the protocol
BROWSERS = "usr/lib/*/webkit2gtk-4.*/MiniBrowser"
LOCATE = "return [...document.querySelectorAll(arguments[0])].find((e) => e.textContent.includes(arguments[1]))"
# In English, as the other browsers; without a graphics card and a session bus; its sandbox refuses root.
ENVIRONMENT = {
    "GDK_BACKEND": "x11",
    "LANG": "en_US.UTF-8",
    "LANGUAGE": "en_US",
    "LIBGL_ALWAYS_SOFTWARE": "1",
    "NO_AT_BRIDGE": "1",
    "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
    "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
}
STARTING_S, ANSWERING_S = 30.0, 60.0


def missing() -> list[str]:
    """Return what is not installed."""
    programs = [name for name in (DRIVER, "xvfb-run") if not shutil.which(name)]
    return programs if _browser() else [*programs, "MiniBrowser"]


def _browser() -> str:
    return next(map(str, sorted(Path("/").glob(BROWSERS))), "")


class WebKit:
    """One window, on a display that nobody sees."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._driver = subprocess.Popen(
            ["xvfb-run", "-a", DRIVER, f"--port={port}"],
            env=os.environ | ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=ANSWERING_S, trust_env=False)
        until(self._answers, DRIVER, seconds=STARTING_S)
        options = {"binary": _browser(), "args": ["--automation"]}
        wanted = {"browserName": "MiniBrowser", "webkitgtk:browserOptions": options}
        session = self._send("POST", "/session", capabilities={"alwaysMatch": wanted})
        self._session = f"/session/{session['sessionId']}"

    def close(self) -> None:
        """End the browser and its display."""
        with contextlib.suppress(httpx.HTTPError, AssertionError):
            self._send("DELETE", self._session)
        self._http.close()
        os.killpg(self._driver.pid, signal.SIGTERM)
        self._driver.wait(STARTING_S)

    def open(self, address: str) -> None:
        """Load a page."""
        self._send("POST", f"{self._session}/url", url=address)

    def script(self, text: str, *arguments: object) -> Any:
        """Run the body of a function."""
        return self._send("POST", f"{self._session}/execute/sync", script=text, args=list(arguments))

    def wait(self, expression: str, *arguments: object) -> None:
        """Wait until an expression is true in the page."""
        until(lambda: self.script(f"return Boolean({expression})", *arguments), expression)

    def click(self, selector: str, text: str = "") -> None:
        """Click the first element that the selector finds and that contains the text."""
        self._send("POST", f"{self._session}/element/{self._locate(selector, text)}/click")

    def fill(self, selector: str, text: str) -> None:
        """Replace what a field holds, by keys."""
        element = self._locate(selector, "")
        self._send("POST", f"{self._session}/element/{element}/clear")
        self._send("POST", f"{self._session}/element/{element}/value", text=text)

    def _locate(self, selector: str, text: str) -> str:
        return str(until(lambda: self.script(LOCATE, selector, text), f"{selector} {text}")[ELEMENT])

    def _answers(self) -> bool:
        try:
            return bool(self._send("GET", "/status")["ready"])
        except httpx.TransportError:
            return False

    def _send(self, method: str, path: str, **body: object) -> Any:
        answer = self._http.request(method, path, json=body if method == "POST" else None)
        assert answer.is_success, answer.text
        return answer.json()["value"]
