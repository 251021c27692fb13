"""Puts the field for a reason into the form of a page of the admin, whichever template makes the page."""

from __future__ import annotations

import re
from typing import Any, Final

from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

FORM: Final = re.compile(r"""<form\b[^>]*\bmethod\s*=\s*["']?post\b[^>]*>""", re.IGNORECASE)


@register.simple_block_tag(end_name="end_in_form")
def in_form(content: Any, field: str) -> SafeString:
    """The content, with the field at the beginning of its first form that posts."""
    text = str(content)
    found = FORM.search(text)
    if found is None:
        return mark_safe(text)  # noqa: S308  rendered by its own templates
    return mark_safe(f"{text[: found.end()]}{field}{text[found.end() :]}")  # noqa: S308
