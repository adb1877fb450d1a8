"""The code blocks of README and docs/, for the tests that run them."""

import re
from dataclasses import dataclass
from textwrap import dedent

from tests.support.stack_process import ROOT

PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$"
INDENTED = r"(?<=\n\n)(?P<indented>(?: {4}[^\n]*\n|\n(?= {4}))+)"
BLOCK = re.compile(f"{FENCED}|{INDENTED}", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One block. info : what stands behind the fence, such as "python"; "indented" where there is none."""

    info: str
    text: str

    @property
    def lines(self) -> list[str]:
        """Those that say something."""
        return [line for line in self.text.splitlines() if line.strip()]


def blocks(page: str, info: str | None = None) -> list[Block]:
    """Those of a page, such as "docs/deploy.md", in order; or those of one kind."""
    found = BLOCK.finditer((ROOT / page).read_text(encoding="utf-8"))
    every = [
        Block("indented", dedent(match["indented"])) if match["indented"] else Block(match["info"], match["text"])
        for match in found
    ]
    return [block for block in every if info is None or block.info == info]
