"""Template filters and tags over `batches/web/panel_words.py`."""

from django import template

from batches.formatting import or_missing
from batches.web import panel_words

register = template.Library()
for function in (
    panel_words.phase_text,
    panel_words.elapsed_text,
    panel_words.percentage_text,
    panel_words.percentage_value,
    panel_words.remaining_text,
    panel_words.beta_text,
    panel_words.best_text,
    panel_words.luck_text,
    panel_words.identity_text,
    panel_words.retry_text,
    panel_words.ahead,
    panel_words.signed,
    panel_words.shade,
    panel_words.rounded,
):
    register.filter(function.__name__, or_missing(function))
register.simple_tag(or_missing(panel_words.cell), name="cell")
