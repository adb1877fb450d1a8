"""The commands of docs/deploy.md without containers: what Compose does to containers is done to processes.

A command, an option or a service that is not known here fails: the page may say nothing that is not run.
"""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from graphlib import TopologicalSorter
from pathlib import Path

from tests.deploy import compose
from tests.production.profile import Production
from tests.support.doc_blocks import Block
from tests.support.stack_process import ROOT, until
from tests.terminal.pseudo_terminal import PseudoTerminal

ANSWERS = {
    "Username": "ann",
    "Email address": "ann@backtester.example",
    "Password:": "a horse that holds",
    "again": "a horse that holds",
}
DEPENDS = {name: said.get("depends_on", {}) for name, said in compose.SERVICES.items()}
ORDER = list(TopologicalSorter(DEPENDS).static_order())
GIVEN = "postgres"  # by `.ci/postgres`


class Containers:
    """image : the number of the newest one. images : that from which each part was started."""

    def __init__(self, production: Production) -> None:
        self.production = production
        self.image = 0
        self.images: dict[str, int] = {}

    def follow(self, block: Block, **names: str) -> str:
        """Run a whole block; what it printed. names : what $NAME stands for."""
        return "".join(self.run(line, names) for line in block.lines)

    def run(self, line: str, names: dict[str, str]) -> str:
        """Run one line."""
        for name, value in names.items():
            line = line.replace(f"${name}", value)
        words = shlex.split(line.replace("https://backtester.example", self.production.url))
        assert "$" not in line, f"nobody said what {line!r} means"
        if words == ["deploy/make-secrets"]:
            self.production.make_secrets()
            return ""
        assert words[:2] == ["docker", "compose"], f"nobody knows how to run {line!r} without containers"
        files = [word for word in words if word[0] in "<>"]
        options = PARSER.parse_args([word for word in words[2:] if word not in files])
        act: Callable[..., str | None] = getattr(self, options.verb)
        return act(options, *files) or ""

    def build(self, options: argparse.Namespace) -> None:
        """Nothing is built here, but parts that run are of an older image from now on."""
        self.image += 1

    def up(self, options: argparse.Namespace) -> None:
        """As many as asked for, else as compose.yaml says; those of an older image are replaced, all at once."""
        if options.build:
            self.image += 1
        assert options.detach, "the page holds a terminal"
        assert set(options.services) <= set(compose.SERVICES)
        assert bool(options.services) == options.no_deps, "services that others need would be replaced as well"
        numbers = dict(pair.split("=") for pair in options.scale)
        for service in ORDER:
            if service != GIVEN and service in (options.services or ORDER):
                self._bring(service, int(numbers.get(service, replicas(service))))
        if options.wait:
            until(self.production.is_ready, "every part to be healthy")

    def _bring(self, service: str, number: int) -> None:
        if service == "migrate":
            self._manage("migrate", compose.command(service))
            return
        wanted = containers(service, number)
        running = self.production.names(service)
        current = {name for name in wanted if service not in compose.OURS or self.images.get(name) == self.image}
        self.production.stop(*(name for name in running if name not in current))
        for name in wanted:
            if name not in self.production.parts:
                self.production.start_part(name)
                self.images[name] = self.image

    def stop(self, options: argparse.Namespace) -> None:
        """Every container of these services."""
        self.production.stop(*(name for service in options.services for name in self.production.names(service)))

    def run_once(self, options: argparse.Namespace) -> str:
        """A container of its own, for the service's command."""
        assert options.rm, "it would be left behind"
        return self._manage(options.service, compose.command(options.service))

    def exec(self, options: argparse.Namespace, *files: str) -> str:
        """A command beside what the first container of a service runs."""
        argv = options.command
        if options.service == GIVEN:
            assert options.no_tty, "a terminal would spoil the bytes"
            (file,) = files
            path, reads = self.production.folder / file[1:], file[0] == "<"
            with path.open("rb" if reads else "wb") as opened:
                given, taken = (opened, None) if reads else (None, opened)
                subprocess.run(argv, stdin=given, stdout=taken, check=True, timeout=60)
            return ""
        (name, *_) = self.production.names(options.service)
        if options.service == "nginx":
            assert argv[0] == "nginx"
            self.production.reload_nginx(*argv[1:])
            return ""
        assert argv[:2] == ["python", "manage.py"]
        return self._manage(name, argv[2:], **dict(pair.split("=", 1) for pair in options.env))

    def _manage(self, name: str, arguments: list[str], **variables: str) -> str:
        """With the container's variables, in the checkout, as in the image. Questions are answered."""
        environment = self.production.env(name) | variables
        if "SSL_CERT_FILE" in os.environ:  # the page has a real certificate by then
            environment["SSL_CERT_FILE"] = os.environ["SSL_CERT_FILE"]
        if arguments == ["createsuperuser"]:
            with PseudoTerminal(*arguments, env=environment) as terminal:
                for question, answer in ANSWERS.items():
                    terminal.expect(question)
                    terminal.press(f"{answer}\n".encode())
                assert terminal.end() == 0, terminal.text
                return terminal.text
        argv = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def unit(self, block: Block, name: str) -> None:
        """As systemd does: the unit's ExecStart in its WorkingDirectory, with what its EnvironmentFile holds."""
        said = dict(line.split("=", 1) for line in block.lines if "=" in line)
        environment = self.production.env(name)
        for secret in [variable for variable in environment if variable.endswith("_FILE")]:
            environment[secret.removesuffix("_FILE")] = Path(environment.pop(secret)).read_text().strip()
        argv = said["ExecStart"].replace(said["WorkingDirectory"], str(ROOT)).split()
        self.production.start_as(name, argv, environment, ROOT)


def replicas(service: str) -> int:
    """How many compose.yaml asks for."""
    return int(compose.SERVICES[service].get("deploy", {}).get("replicas", 1))


def containers(service: str, number: int) -> list[str]:
    """Their names; only a service with replicas has numbered ones."""
    counted = "deploy" in compose.SERVICES[service]
    return [f"{service}{one}" for one in range(1, number + 1)] if counted else [service]


def _parser() -> argparse.ArgumentParser:
    """`docker compose …`, as far as the page uses it."""
    parser = argparse.ArgumentParser("docker compose", allow_abbrev=False)
    verbs = parser.add_subparsers(required=True)
    verbs.add_parser("build").set_defaults(verb="build")
    up = verbs.add_parser("up")
    for flag in ("--build", "--detach", "--wait", "--no-deps"):
        up.add_argument(flag, action="store_true")
    up.add_argument("--scale", action="append", default=[])
    up.add_argument("services", nargs="*")
    up.set_defaults(verb="up")
    stop = verbs.add_parser("stop")
    stop.add_argument("services", nargs="+", choices=list(compose.SERVICES))
    stop.set_defaults(verb="stop")
    run = verbs.add_parser("run")
    run.add_argument("--rm", action="store_true")
    run.add_argument("service", choices=compose.OURS)
    run.set_defaults(verb="run_once")
    execute = verbs.add_parser("exec")
    execute.add_argument("--no-TTY", dest="no_tty", action="store_true")
    execute.add_argument("--env", action="append", default=[])
    execute.add_argument("service", choices=list(compose.SERVICES))
    execute.add_argument("command", nargs=argparse.REMAINDER)
    execute.set_defaults(verb="exec")
    return parser


PARSER = _parser()
