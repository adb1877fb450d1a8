"""A command on a pseudo-terminal: tests wait for its output and press keys."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from typing import Self

from tests.support.stack_process import ROOT

CTRL_C = b"\x03"
TIMEOUT_S = 180.0
ESCAPE_SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class PseudoTerminal:
    """`with PseudoTerminal("run_batch", ...) as terminal:` runs `manage.py run_batch ...` on 100 columns."""

    def __init__(self, *arguments: str, env: Mapping[str, str]) -> None:
        self.screen, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env={**env, "TERM": "xterm-256color", "COLUMNS": "100"},
            preexec_fn=lambda: os.login_tty(terminal),  # so that Ctrl-C is a signal
            cwd=ROOT,
        )
        os.close(terminal)
        self.raw = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.screen)

    @property
    def text(self) -> str:
        """The output so far without escape sequences."""
        return ESCAPE_SEQUENCES.sub("", self.raw)

    def expect(self, pattern: str) -> str:
        """Read until the output matches the pattern, and return the output."""
        deadline = time.monotonic() + TIMEOUT_S
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, f"no {pattern!r} yet in:\n{self.text}"
            assert self._read(), f"the command ended without {pattern!r}:\n{self.text}"
        return self.text

    def search(self, pattern: str) -> str:
        """Return the first group of the pattern in the output so far."""
        match = re.search(pattern, self.text)
        assert match, f"no {pattern!r} in:\n{self.text}"
        return match[1]

    def press(self, keys: bytes) -> None:
        os.write(self.screen, keys)

    def end(self) -> int:
        """Read until the command ends, and return its exit code."""
        while self._read():
            pass
        return self.process.wait(TIMEOUT_S)

    def _read(self) -> bool:
        """Return False at the end of the output."""
        if not select.select([self.screen], [], [], TIMEOUT_S)[0]:
            raise AssertionError(f"no more output after:\n{self.text}")
        try:
            data = os.read(self.screen, 65536)
        except OSError:  # Linux says so when the other side is closed
            data = b""
        self.raw += data.decode(errors="replace")
        return bool(data)
