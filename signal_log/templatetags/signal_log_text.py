"""Recorded text in templates; ``{% load signal_log_text %}``."""

from __future__ import annotations

from typing import Any

from django import template

from signal_log.show.words import text

register = template.Library()


@register.filter
def visible(value: Any) -> str:
    """The text with control, direction and invisible characters shown by name; escaping is left to the template."""
    return text.visible(str(value))


@register.filter
def grouped(number: int) -> str:
    """A number with separators: ``1,200``."""
    return f"{number:,}"
