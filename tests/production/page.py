"""The blocks of docs/deploy.md. One that is added has no name here, and fails."""

from dataclasses import dataclass

from tests.support.doc_blocks import Block, blocks


@dataclass(frozen=True)
class Page:
    """In the order of the page."""

    first_start: Block
    address: Block
    more: Block
    unit: Block
    upgrade: Block
    backup: Block
    restore: Block


PAGE = Page(*blocks("docs/deploy.md"))
