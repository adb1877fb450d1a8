"""What compose.yaml says, as the tests need it: they run the very commands that the containers run."""

from pathlib import Path
from typing import Any

import yaml

from tests.support.stack_process import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "backtester"]
SECRETS = "/run/secrets"


def command(service: str) -> list[str]:
    """As the container gets it: Compose turns $$ into $."""
    return [str(word).replace("$$", "$") for word in SERVICES[service]["command"]]


def environment(service: str, secrets: Path) -> dict[str, str]:
    """The env_file and the variables of a service of ours, with the secrets in another folder."""
    said = SERVICES[service]
    lines = (ROOT / said["env_file"]).read_text().splitlines()
    listed = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    own = {name: str(value) for name, value in said["environment"].items() if not str(value).startswith("${")}
    return {name: value.replace(SECRETS, str(secrets)) for name, value in (listed | own).items()}
