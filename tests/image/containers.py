"""The containers of compose.yaml without a container runtime: each is a process in the files of the built image.

A container has the image's user, environment and entry point, a read-only root, its own host name, processes and /data,
and no capability. All of them share one network with the tests, which leads nowhere else: `.ci/image` creates it.
"""

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.deploy import compose

# host name, the image's files, mount point, /data, secrets, folder of PostgreSQL's socket, user, working directory
ENTER = """
set -eu
hostname "$1"
touch "$2/etc/hosts"
mount --bind "$2" "$3"
mount -o remount,bind,ro "$3"
mount -t proc proc "$3/proc"
mount --rbind /dev "$3/dev"
mount --bind /etc/hosts "$3/etc/hosts"
mount -t tmpfs tmpfs "$3/tmp"
mount -t tmpfs tmpfs "$3/run"
mkdir -p "$3/run/secrets" "$3/run/postgresql"
mount --bind "$4" "$3/data"
mount --bind "$5" "$3/run/secrets"
mount --bind "$6" "$3/run/postgresql"
root=$3 user=$7 folder=$8
shift 8
exec chroot "$root" setpriv --no-new-privs --reuid="$user" --regid="$user" --clear-groups \\
    --bounding-set=-all --inh-caps=-all env --chdir="$folder" "$@"
"""
CLOSED = {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapBnd": 0, "CapAmb": 0, "NoNewPrivs": 1}


class Image:
    """The image that `.ci/image` has built. config : as OCI defines it, `Env`, `User`, `Entrypoint` …"""

    def __init__(self, root: Path, description: Path) -> None:
        self.root = root
        self.config: dict[str, Any] = json.loads(description.read_text())["OCIv1"]["config"]
        accounts = (line.split(":") for line in (root / "etc/passwd").read_text().splitlines())
        self.user, self.home = next((fields[2], fields[5]) for fields in accounts if fields[0] == self.config["User"])

    def environment(self) -> dict[str, str]:
        return {"HOME": self.home} | dict(line.split("=", 1) for line in self.config["Env"])


class Container:
    """A service of compose.yaml. Its /data begins as the image's, like an anonymous volume of Docker."""

    def __init__(self, image: Image, service: str, folder: Path, changes: Mapping[str, str]) -> None:
        self.image, self.service, self.folder = image, service, folder
        self.environment = image.environment() | compose.environment(service, Path(compose.SECRETS)) | changes
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "root").mkdir(parents=True)
        subprocess.run(["cp", "--archive", image.root / "data", folder / "data"], check=True)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            argv = self._argv([*self.image.config["Entrypoint"], *compose.command(self.service)])
            self.process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def execute(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in the container's files, to its end."""
        return subprocess.run(self._argv(list(command)), capture_output=True, text=True, timeout=240, check=False)

    def manage(self, *arguments: str) -> str:
        done = self.execute(*self.image.config["Entrypoint"], *arguments)
        assert done.returncode == 0, f"{shlex.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def wait_until_healthy(self, seconds: float = 180.0) -> None:
        """Run the health check of compose.yaml until it passes."""
        _, *command = compose.SERVICES[self.service]["healthcheck"]["test"]
        deadline = time.monotonic() + seconds
        while (check := self.execute(*command)).returncode:
            message = f"{self.service} is not healthy: {check.stdout}{check.stderr}\n{self.log()[-3000:]}"
            assert self.is_running(), message
            assert time.monotonic() < deadline, message
            time.sleep(0.2)

    def first_process(self) -> int:
        """Return the process that is number 1 in the container; `unshare` is its parent."""
        assert self.process is not None
        (pid,) = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(pid)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 30.0) -> int:
        """Send a signal to the first process, as `docker stop` and `docker kill`; return the exit code."""
        assert self.process is not None
        os.kill(self.first_process(), number)
        return self.process.wait(seconds)

    def end(self) -> None:
        """Kill what has not stopped; `unshare` takes the container with it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _argv(self, command: list[str]) -> list[str]:
        mounts = [self.image.root, self.folder / "root", self.folder / "data", self.folder.parent / "secrets"]
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        return [
            *("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh", self.service),
            *(*map(str, mounts), os.environ["PGHOST"], self.image.user, self.image.config["WorkingDir"]),
            *("-i", *variables, *command),
        ]
