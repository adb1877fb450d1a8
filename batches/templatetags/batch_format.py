"""Template filters over `batches/formatting.py`."""

from django import template

from batches import formatting

register = template.Library()
for function in (
    formatting.as_json,
    formatting.count,
    formatting.percent,
    formatting.parameters,
    formatting.metric,
    formatting.took,
    formatting.per_test,
    formatting.per_second,
    formatting.headline,
    formatting.age,
    formatting.item,
):
    register.filter(function.__name__, function)
register.filter("bytes", formatting.bytes_)
