"""The commands that a newcomer types."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def make(*arguments, **environment):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", *arguments], cwd=ROOT, env=inherited | environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_make_alone_lists_every_target():
    listed = set(re.findall(r"^  make ([\w-]+)", make(), re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert listed == set(phony[1].split())


def test_a_second_install_has_nothing_to_do(tmp_path):
    lock = ROOT / "requirements/run.lock"
    newer = ROOT / ".venv/run.stamp"
    assert newer.exists()
    assert newer.stat().st_mtime >= lock.stat().st_mtime
    assert "Nothing to be done" in make("install")


@pytest.mark.parametrize("lock", ["run", "test"])
def test_every_locked_package_has_hashes_and_names_no_index(lock):
    text = (ROOT / f"requirements/{lock}.lock").read_text()
    blocks = re.split(r"^(?=[a-z0-9][\w.-]*(?:\[[\w,]+\])?==)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) > 50
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "index-url" not in text
    assert "://" not in text


def test_the_run_lock_is_a_part_of_the_test_lock():
    def pins(lock):
        text = (ROOT / f"requirements/{lock}.lock").read_text()
        return set(re.findall(r"^([a-z0-9][^\s;]*==\S+)", text, flags=re.MULTILINE))

    assert pins("run") <= pins("test")


def test_scripts_say_what_is_wrong_in_words(tmp_path):
    empty = tmp_path / "bin"
    empty.mkdir()
    for tool in ("sh", "id", "date", "rm"):
        os.symlink(f"/bin/{tool}", empty / tool)
    done = subprocess.run(
        [ROOT / ".ci/environment", ROOT / "requirements/run.lock"],
        cwd=tmp_path,
        env={"PATH": str(empty)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: Python 3.11 or newer is required")
