"""The installation of compose.yaml without containers: its commands, its variables, real parts on "hosts" of their own.

What differs is named in CHANGES, with the reason. Access mode, https and logs are the shipped ones.
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

from backtester.stack import redis_server
from backtester.stack.process import Part, kill_group
from backtester.stack.process import start as start_part
from tests.deploy import compose
from tests.faults.installation import CHUNKS, Examined
from tests.faults.stack_under_test import INJECTED
from tests.live.nginx import NGINX, answers, free_port
from tests.production import site
from tests.support.stack_process import ROOT, until

CHANGES = {
    "ALLOWED_HOSTS": "127.0.0.1,localhost",  # the public name does not lead here
    "HOST": "127.0.0.1",  # the image listens on all addresses, which is its container's affair
    "WORKERS": "2",  # on one machine all "hosts" share the cores
    "CHUNK_TARGET_S": "0.002",  # small batches last long enough to lose a host on the way
    "CHUNK_LEASE_S": "4",  # a lost host is noticed within the patience of a test
    "STREAM_LIFE_S": "20",  # event streams come back at least once
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
        self.headers: dict[str, str] = {}
        self.log_lengths: dict[str, int] = {}
        self.parts: dict[str, subprocess.Popen[bytes]] = {}
        self.ports = {name: free_port() for name in ("web1", "web2", "web3", "valkey", "http", "https")}
        self.url = f"https://127.0.0.1:{self.ports['https']}"

    # ---- starting ----------------------------------------------------------------------------------------------------

    def make_secrets(self) -> None:
        """By the shipped script; only the addresses in them are other ones."""
        subprocess.run([ROOT / "deploy/make-secrets", self.secrets], check=True)
        urls = {"database_url": self.database_url}
        made = (self.secrets / "redis_url").read_text()
        urls["redis_url"] = made.replace("valkey:6379", f"127.0.0.1:{self.ports['valkey']}")
        assert urls["redis_url"] != made
        for name, url in urls.items():
            (self.secrets / name).unlink()
            (self.secrets / name).write_text(url + "\n")

    def start_part(self, name: str) -> None:
        """Any but PostgreSQL, by the name of its container; Valkey, servers and nginx answer then."""
        if name == "valkey":
            self.start_as(name, self._valkey(), {})
        elif name == "nginx":
            self._write_site()
            self.start_as(name, self._nginx(), {})
        else:
            argv = [sys.executable, str(ROOT / "manage.py"), *compose.command(service_of(name))]
            self.start_as(name, argv, self.env(name))
        if port := self.ports.get("https" if name == "nginx" else name):
            until(lambda: answers(port), name, seconds=30)

    def start_as(self, name: str, argv: list[str], env: dict[str, str], folder: Path | None = None) -> None:
        """A process of the installation, in a folder of its own unless one is given."""
        folder = folder or self.folder / name
        folder.mkdir(exist_ok=True)
        inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
        part = Part(name, ["env", "-C", str(folder), *argv], inherited | env, self.logs / f"{name}.log")
        self.parts[name] = start_part(part)

    def _valkey(self) -> list[str]:
        """With the shipped configuration and the command of compose.yaml, password included."""
        shell, flag, line = compose.command("valkey")
        line = line.replace("valkey-server", shlex.quote(redis_server.find_server()), 1)
        where = f" {ROOT}/deploy/valkey.conf --bind 127.0.0.1 --port {self.ports['valkey']}"
        return [shell, flag, line.replace(" /valkey.conf", where).replace(compose.SECRETS, str(self.secrets))]

    def reload_nginx(self, *arguments: str) -> None:
        """It reads its configuration and looks the servers up again: here, those that there are now."""
        self._write_site()
        subprocess.run([*self._nginx(), *arguments], check=True, timeout=20)

    def _nginx(self) -> list[str]:
        assert NGINX, "these tests need Debian's nginx: apt-get install nginx-light"
        return [NGINX, "-p", str(self.folder / "nginx"), "-c", str(self.folder / "nginx/nginx.conf")]

    def _write_site(self) -> None:
        servers = [self.ports[name] for name in self.names("web")]
        site.write(self.folder / "nginx", servers, self.ports["http"], self.ports["https"], self.secrets)

    # ---- what becomes of processes -----------------------------------------------------------------------------------

    def kill(self, name: str) -> None:
        """As when its host loses power."""
        process = self.parts.pop(name)
        kill_group(process)
        process.wait(10)

    def stop(self, *names: str, seconds: float = 20.0) -> None:
        """SIGTERM to all of them at once, as `docker compose stop`. Each must end by itself, and well."""
        processes = {name: self.parts.pop(name) for name in names}
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
        for name, process in processes.items():
            try:
                assert process.wait(seconds) == 0, f"{name} did not end well: {self.log(name)[-500:]}"
            finally:
                kill_group(process)

    def end(self) -> None:
        """Everything, nginx first."""
        for name in sorted(self.parts, key=lambda name: (name == "valkey", name != "nginx")):
            with suppress(subprocess.TimeoutExpired, AssertionError):
                self.stop(name)

    def names(self, service: str) -> list[str]:
        """The parts of a service that run."""
        return sorted(name for name in self.parts if service_of(name) == service)

    def be(self, *names: str) -> None:
        """Just these parts of ours, ready, and nginx knows them."""
        ours = [name for name in self.parts if service_of(name) in compose.OURS]
        self.stop(*(name for name in ours if name not in names))
        for name in names:
            if name not in self.parts:
                self.start_part(name)
        self.reload_nginx("-s", "reload")
        until(self.is_ready, "every part")

    def is_ready(self) -> bool:
        """Whether /readyz says so through nginx, and every process of ours has given a sign of life."""
        url = (self.secrets / "redis_url").read_text().strip()
        with suppress(httpx.HTTPError, redis.RedisError), redis.Redis.from_url(url) as client:
            ours = {name: part.pid for name, part in self.parts.items() if service_of(name) in compose.OURS}
            keys = [f"backtester:present:{service_of(name)}:{name}:{pid}" for name, pid in ours.items()]
            seen = client.exists(*keys) == len(keys)
            return seen and httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        return False

    def logs_begin_here(self) -> None:
        """What was said so far belongs to the tests before."""
        self.log_lengths = {path.stem: path.stat().st_size for path in self.logs.glob("*.log")}

    def log(self, name: str) -> str:
        """What a part has said since then."""
        said = (self.logs / f"{name}.log").read_bytes()[self.log_lengths.get(name, 0) :]
        return said.decode(errors="replace")

    def claims(self, session_id: str, host: str) -> list[tuple[int]]:
        """The chunks of a batch that a host holds."""
        query = f"SELECT id FROM {CHUNKS} WHERE session_id = ? AND status = 'running' AND claimed_by LIKE ?"
        return self.rows(query, uuid.UUID(session_id).hex, f"{host}:%")

    def traceback(self) -> str:
        """The first one in any log of ours since the test began, or nothing."""
        for path in sorted(self.logs.glob("*.log")):
            said = self.log(path.stem)
            if (at := said.find("Traceback (most recent call last)")) >= 0:
                return f"{path.name}: {said[max(0, at - 300) : at + 3000]}"
        return ""

    def env(self, name: str) -> dict[str, str]:
        """What a container's process finds in its environment."""
        return {
            **{key: os.environ[key] for key in INHERITED if key in os.environ},
            **compose.environment(service_of(name), self.secrets),
            **CHANGES,
            "DATA_DIR": str(self.folder / name),
            "PORT": str(self.ports.get(name, 8000)),
            "CSRF_TRUSTED_ORIGINS": self.url,
            "PRETENDED_HOST": name,
            "PYTHONPATH": str(INJECTED),
            "FAULTS_DIR": str(self.faults),
        }


def service_of(name: str) -> str:
    """The service of a part: web2 is one of web."""
    return name.rstrip("0123456789")
