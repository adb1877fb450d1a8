"""The installation of compose.yaml without containers: its commands, its variables, real parts on "hosts" of their own.

What is changed is named in CHANGES: addresses of this machine, shorter times, and small chunks.
"""

import os
import shlex
import signal
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path

import httpx
import redis

from backtester.stack import preparation, redis_server
from backtester.stack.process import Part, kill_group
from backtester.stack.process import start as start_part
from tests.deploy import compose
from tests.faults.examined import CHUNKS, Examined
from tests.faults.stack_under_test import INJECTED
from tests.live.nginx import AROUND, NGINX, answers, free_port
from tests.stack_process import ROOT, until

CHANGES = {
    "ALLOWED_HOSTS": "127.0.0.1,localhost",
    "CSRF_TRUSTED_ORIGINS": "",
    "HOST": "127.0.0.1",
    "ACCESS_MODE": "personal",  # the watchers of these tests have no names
    "TRUST_NETWORK": "true",
    "WORKERS": "2",
    "CHUNK_TARGET_S": "0.002",
    "CHUNK_LEASE_S": "4",
    "STREAM_LIFE_S": "20",
}
INHERITED = ("HOME", "LANG", "NUMBA_CACHE_DIR", "PATH", "PGHOST", "PGUSER")


class Production(Examined):
    """PostgreSQL is given; everything else is started here, and ends with `end`."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.data_dir, self.database_url = folder / "web1", database_url
        self.faults, self.logs, self.secrets = folder / "faults", folder / "logs", folder / "secrets"
        self.faults.mkdir(parents=True)
        self.golden: dict = {}
        self.parts: dict[str, subprocess.Popen[bytes]] = {}
        self.ports = {name: free_port() for name in ("web1", "web2", "redis", "http", "https")}
        self.url = f"https://127.0.0.1:{self.ports['https']}"
        self._make_secrets()

    # ---- starting ----------------------------------------------------------------------------------------------------

    def start(self) -> "Production":
        """In the order that compose.yaml asks for."""
        self.start_redis()
        self.manage(*compose.command("migrate"))
        self.manage("load_prices", str(preparation.SAMPLE))
        for name in ("web1", "web2", "worker1", "worker2", "watchdog"):
            self.start_process(name)
        for name in ("web1", "web2"):
            until(lambda name=name: answers(self.ports[name]), name)  # type: ignore[misc]
        self.start_nginx()
        until(self.is_ready, "every part")
        return self

    def start_redis(self) -> None:
        """With the shipped configuration and the command of compose.yaml, password included."""
        shell, flag, line = compose.command("valkey")
        line = line.replace("valkey-server", shlex.quote(redis_server.find_server()), 1)
        line = line.replace(
            " /valkey.conf", f" {ROOT}/deploy/valkey.conf --bind 127.0.0.1 --port {self.ports['redis']}"
        )
        self._start("redis", [shell, flag, line.replace(compose.SECRETS, str(self.secrets))], {})
        until(lambda: answers(self.ports["redis"]), "Valkey", seconds=10)

    def start_process(self, name: str) -> None:
        """web1, worker2, watchdog: the service's command in a working directory and with a data folder of its own."""
        service = name.rstrip("0123456789")
        self._start(name, [sys.executable, str(ROOT / "manage.py"), *compose.command(service)], self._env(name))

    def start_nginx(self) -> None:
        """With https and both servers. The site is made by the very line of compose.yaml."""
        assert NGINX, "these tests want Debian's nginx: apt-get install nginx-light"
        folder = self.folder / "nginx"
        (folder / "conf.d").mkdir(parents=True)
        made, shipped = f"{folder}/conf.d", f" {ROOT}/deploy/nginx/"
        line = compose.command("nginx")[2].partition("&& exec")[0].replace("/etc/nginx/conf.d", made)
        subprocess.run(["sh", "-c", line.replace(" /nginx/", shipped)], check=True)
        site = "\n".join(path.read_text() for path in sorted((folder / "conf.d").glob("*.conf")))
        site = site.replace(f"include{shipped}https.conf;", (ROOT / "deploy/nginx/https.conf").read_text())
        servers = "".join(f"server 127.0.0.1:{self.ports[name]} max_fails=0;" for name in ("web1", "web2"))
        for pattern, words in {
            "server web:8000 max_fails=0;": servers,
            r"listen 443 ssl;": f"listen 127.0.0.1:{self.ports['https']} ssl;",
            r"listen 80;": f"listen 127.0.0.1:{self.ports['http']};",
            compose.SECRETS: str(self.secrets),
        }.items():
            assert pattern in site, pattern
            site = site.replace(pattern, words)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder, site=site, user=user))
        self._start("nginx", [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")], {})
        until(lambda: answers(self.ports["https"]), "nginx", seconds=10)

    def manage(self, *arguments: str) -> None:
        """A command that ends by itself."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self._env("migrate"), cwd=self.folder, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    # ---- what becomes of processes -----------------------------------------------------------------------------------

    def kill(self, name: str) -> None:
        """As when its host loses power."""
        process = self.parts.pop(name)
        kill_group(process)
        process.wait(10)

    def stop(self, name: str, *, seconds: float = 20.0) -> int:
        """SIGTERM, as `docker stop`; its exit code. It must end by itself."""
        process = self.parts.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(seconds)
        finally:
            kill_group(process)

    def end(self) -> None:
        """Everything, nginx first."""
        for name in sorted(self.parts, key=lambda name: (name == "redis", name != "nginx")):
            with suppress(subprocess.TimeoutExpired):
                self.stop(name)

    def is_ready(self) -> bool:
        """Whether /readyz says so through nginx, and every process of ours has given a sign of life."""
        url = (self.secrets / "redis_url").read_text().strip()
        with suppress(httpx.HTTPError, redis.RedisError), redis.Redis.from_url(url) as client:
            ours = {name: part.pid for name, part in self.parts.items() if name not in {"redis", "nginx"}}
            keys = [f"backtester:present:{name.rstrip('12')}:{name}:{pid}" for name, pid in ours.items()]
            seen = client.exists(*keys) == len(keys)
            return seen and httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        return False

    def log(self, name: str) -> str:
        """What a part has said."""
        return (self.logs / f"{name}.log").read_text(errors="replace")

    def claims(self, session_id: str, host: str) -> list[tuple[int]]:
        """The chunks of a batch that a host holds."""
        query = f"SELECT id FROM {CHUNKS} WHERE session_id = ? AND status = 'running' AND claimed_by LIKE ?"
        return self.rows(query, uuid.UUID(session_id).hex, f"{host}:%")

    def traceback(self) -> str:
        """The first one in any log of ours, or nothing."""
        for path in sorted(self.logs.glob("*.log")):
            if (at := path.read_text(errors="replace").find("Traceback (most recent call last)")) >= 0:
                return f"{path.name}: {path.read_text(errors='replace')[max(0, at - 300) : at + 3000]}"
        return ""

    # ---- how ---------------------------------------------------------------------------------------------------------

    def _start(self, name: str, argv: list[str], env: dict[str, str]) -> None:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
        part = Part(name, ["env", "-C", str(folder), *argv], inherited | env, self.logs / f"{name}.log")
        self.parts[name] = start_part(part)

    def _env(self, name: str) -> dict[str, str]:
        service = name.rstrip("0123456789")
        return {
            **{key: os.environ[key] for key in INHERITED if key in os.environ},
            **compose.environment(service, self.secrets),
            **CHANGES,
            "DATA_DIR": str(self.folder / name),
            "PORT": str(self.ports.get(name, 8000)),
            "PRETENDED_HOST": name,
            "PYTHONPATH": str(INJECTED),
            "FAULTS_DIR": str(self.faults),
        }

    def _make_secrets(self) -> None:
        """By the shipped script; only the addresses in them are other ones."""
        subprocess.run([ROOT / "deploy/make-secrets", self.secrets], check=True)
        urls = {"database_url": self.database_url}
        made = (self.secrets / "redis_url").read_text()
        urls["redis_url"] = made.replace("valkey:6379", f"127.0.0.1:{self.ports['redis']}")
        assert urls["redis_url"] != made
        for name, url in urls.items():
            (self.secrets / name).unlink()
            (self.secrets / name).write_text(url + "\n")
