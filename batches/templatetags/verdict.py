"""The sentence of a verdict, as the first thing about an ended batch."""

from typing import Any

from django import template

from batches.models import BatchSession
from batches.web.labels import VERDICT_TONES
from batches.web.verdict_page import sentence_context

register = template.Library()


@register.inclusion_tag("batches/verdict/_sentence.html")
def verdict_sentence(session: BatchSession) -> dict[str, Any]:
    return sentence_context(session)


@register.filter
def tone(state: str) -> str:
    """Return the class of a state's color."""
    return VERDICT_TONES[state]
