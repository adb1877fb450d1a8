"""Which browsers are used, and how they are started: quietly, and without calling home."""

import os
import shutil

from playwright.sync_api import Browser, Playwright

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PREFERENCES = {
    "app.normandy.enabled": False,
    "browser.safebrowsing.downloads.remote.enabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "ui.prefersReducedMotion": 1,  # a WebDriver context cannot set it; the other tests are unaffected
}


def browser_path() -> str | None:
    """Return the path of the system's Chromium; None for the one that Playwright brings."""
    return os.environ.get("BROWSER_PATH") or shutil.which("chromium") or shutil.which("google-chrome")


def firefox_path() -> str | None:
    """The machine's own Firefox, likewise."""
    return os.environ.get("FIREFOX_PATH") or shutil.which("firefox-esr") or shutil.which("firefox")


def launch(playwright: Playwright, vendor: str) -> Browser:
    """Start Chromium or Firefox."""
    if vendor == "chromium":
        return playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
    if path := firefox_path():  # any release, spoken to by the WebDriver protocol
        return playwright.firefox.launch(
            channel="moz-firefox", executable_path=path, firefox_user_prefs=dict(PREFERENCES)
        )
    return playwright.firefox.launch(firefox_user_prefs=dict(PREFERENCES))
