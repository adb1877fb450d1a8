"""The site of nginx, made by the very line of compose.yaml; what a container would look up by name is put in."""

import os
import subprocess
from pathlib import Path

from tests.deploy import compose
from tests.live.nginx import AROUND
from tests.support.stack_process import ROOT


def write(folder: Path, servers: list[int], http: int, https: int, secrets: Path) -> None:
    """nginx.conf in the folder. servers : the ports of the web servers that there are now."""
    (folder / "conf.d").mkdir(parents=True, exist_ok=True)
    made, shipped = f"{folder}/conf.d", f" {ROOT}/deploy/nginx/"
    line = compose.command("nginx")[2].partition("&& exec")[0].replace("/etc/nginx/conf.d", made)
    subprocess.run(["sh", "-c", line.replace(" /nginx/", shipped)], check=True)
    site = "\n".join(path.read_text() for path in sorted((folder / "conf.d").glob("*.conf")))
    site = site.replace(f"include{shipped}https.conf;", (ROOT / "deploy/nginx/https.conf").read_text())
    for pattern, words in {
        "server web:8000 max_fails=0;": "".join(f"server 127.0.0.1:{port} max_fails=0;" for port in servers),
        "listen 443 ssl;": f"listen 127.0.0.1:{https} ssl;",
        "listen 80;": f"listen 127.0.0.1:{http};",
        compose.SECRETS: str(secrets),
    }.items():
        assert pattern in site, pattern
        site = site.replace(pattern, words)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, site=site, user=user))
