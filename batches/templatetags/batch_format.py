"""Template filters over `batches/formatting.py`."""

from datetime import datetime

from django import template
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString

from batches import formatting

register = template.Library()
for function in (
    formatting.as_json,
    formatting.count,
    formatting.isolated,
    formatting.mid_sentence,
    formatting.percent,
    formatting.parameters,
    formatting.metric,
    formatting.price,
    formatting.fixed,
    formatting.bar_size,
    formatting.bar_time,
    formatting.took,
    formatting.per_test,
    formatting.per_second,
    formatting.headline,
    formatting.age,
    formatting.item,
):
    register.filter(function.__name__, formatting.or_missing(function))
register.filter("bytes", formatting.or_missing(formatting.bytes_))


@register.simple_tag
def moment(value: datetime, now: datetime | None = None, css: str = "") -> SafeString:
    """Return a `time` element, which scripts show in the time zone of the reader. now : shows the age in its place"""
    return format_html(
        '<time{} datetime="{}"{} title="{}">{}</time>',
        format_html(' class="{}"', css) if css else "",
        value.isoformat(),
        "" if now else " data-local",
        localize(value),
        formatting.age(value, now) if now else localize(value),
    )
