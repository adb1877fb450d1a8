"""Run nginx with the shipped configuration, or with a deliberately wrong one."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.stack_process import ROOT, until

SHIPPED = ROOT / "deploy/nginx/backtester.conf"
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
# Debian's nginx.conf around the shipped file, gzip included, but in the foreground and in one folder.
AROUND = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
worker_processes 1;
{user}
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log off;
    gzip on;
    gzip_types text/plain text/css application/json text/event-stream application/javascript;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{site}
}}
"""


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def replaced(text: str, changes: dict[str, str]) -> str:
    """Replace each pattern, which must exist: otherwise a test of a wrong configuration would test the right one."""
    for pattern, words in changes.items():
        text, number = re.subn(pattern, words, text)
        assert number, f"{pattern!r} is not in {SHIPPED}"
    return text


@contextlib.contextmanager
def nginx(folder: Path, upstream: str, changes: dict[str, str] | None = None) -> Iterator[str]:
    """Run the shipped configuration in front of `upstream` (host:port), with other ports; yield its address."""
    assert NGINX, "the tests need Debian's nginx: apt-get install nginx-light"
    port = free_port()
    basic = {r"server 127\.0\.0\.1:8000;": f"server {upstream};", r"listen 80;": f"listen 127.0.0.1:{port};"}
    site = replaced(SHIPPED.read_text(), basic | (changes or {}))
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, site=site, user=user))
    process = subprocess.Popen(
        [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: answers(port) or process.poll() is not None, "nginx", seconds=10)
        assert process.poll() is None, (folder / "error.log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def answers(port: int) -> bool:
    """Return whether the port accepts connections."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
