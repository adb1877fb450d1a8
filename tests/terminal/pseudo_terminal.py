"""A real pseudo-terminal with a command on it: what it shows can be waited for, and keys can be pressed."""

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
PATIENCE_S = 180.0
SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class PseudoTerminal:
    """`with PseudoTerminal("run_batch", ...) as terminal:` runs `manage.py run_batch ...` on 100 columns."""

    def __init__(self, *arguments: str, env: Mapping[str, str]) -> None:
        self.screen, ours = pty.openpty()
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env={**env, "TERM": "xterm-256color", "COLUMNS": "100"},
            preexec_fn=lambda: os.login_tty(ours),  # so that Ctrl-C is a signal
            cwd=ROOT,
        )
        os.close(ours)
        self.raw = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.screen)

    @property
    def text(self) -> str:
        """All that was shown so far, without colours and movements."""
        return SEQUENCES.sub("", self.raw)

    def expect(self, pattern: str) -> str:
        """Read until the pattern is there; what was shown until then."""
        deadline = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, f"still waiting for {pattern!r}; it shows:\n{self.text}"
            assert self._read(), f"it ended without {pattern!r}:\n{self.text}"
        return self.text

    def found(self, pattern: str) -> str:
        """The first group of a pattern in what was shown."""
        match = re.search(pattern, self.text)
        assert match, f"no {pattern!r} in:\n{self.text}"
        return match[1]

    def press(self, keys: bytes) -> None:
        """As on a keyboard."""
        os.write(self.screen, keys)

    def end(self) -> int:
        """Read to its end; the exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE_S)

    def _read(self) -> bool:
        """False at the end."""
        if not select.select([self.screen], [], [], PATIENCE_S)[0]:
            raise AssertionError(f"silence; it shows:\n{self.text}")
        try:
            data = os.read(self.screen, 65536)
        except OSError:  # Linux says so when the other side is closed
            data = b""
        self.raw += data.decode(errors="replace")
        return bool(data)
