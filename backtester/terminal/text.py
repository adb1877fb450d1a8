"""Texts that are safe to print on one line."""

from collections.abc import Mapping


def printable(text: str) -> str:
    """Replace control characters: a server's message must not control the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def assignments(parameters: Mapping[str, float] | None) -> str:
    """`fast=5 slow=20`."""
    return " ".join(f"{name}={value:g}" for name, value in (parameters or {}).items())
