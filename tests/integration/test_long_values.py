"""Long values, which the database cuts before they are read: what it makes of them is what Python would have made."""

import pytest
from django.db import connection, models
from django.test import override_settings
from django.test.utils import isolate_apps

from signal_log import pipeline
from signal_log.capture.model.snapshot import json_safe
from tests.log import recorded
from tests.settings import SIGNAL_LOG

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT = 64
TEXTS = [
    "",
    "x" * LIMIT,
    "x" * (LIMIT + 1),
    "é" * LIMIT,
    "é" * (LIMIT + 1),
    "🎈" * LIMIT,
    "a🎈" * LIMIT,
    "\r\n\t" * LIMIT,
    "'\"%s\\" * LIMIT,
]
BINARY = [bytes(31), bytes(32), bytes(range(256)), b"\xff" * 1000]


@pytest.fixture
def page():
    """Define a model with long columns, under a low limit."""
    pipeline.stop()
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "MAX_VALUE_CHARS": LIMIT}), isolate_apps("tests.shop"):
        pipeline.start()

        class Page(models.Model):
            body = models.TextField(default="")
            title = models.CharField(max_length=1000, default="")
            image = models.BinaryField(default=b"")

            class Meta:
                app_label = "shop"

        with connection.schema_editor() as editor:
            editor.create_model(Page)
        yield Page
        with connection.schema_editor() as editor:
            editor.delete_model(Page)
        pipeline.stop()
    pipeline.start()


@pytest.mark.one_database
def test_text_with_a_nul(page):
    """SQLite ends the text there when it measures it; the log does not. PostgreSQL stores no such text."""
    for value in ("x\x00" * LIMIT, "x" * LIMIT + "\x00" * LIMIT, "x" * (LIMIT + 1) + "\x00y"):
        with recorded() as events:
            page.objects.create(body=value)
        assert events[-1].changes["body"] == [None, json_safe(value, LIMIT, ())]


@pytest.mark.parametrize(
    ("field", "value"),
    [*(("body", text) for text in TEXTS), *(("title", text) for text in TEXTS), *(("image", held) for held in BINARY)],
)
def test_what_the_database_cut_reads_the_same(page, field, value):
    """Created, read again and changed, deleted: the same text as from the whole value."""
    shown = json_safe(value, LIMIT, ())
    with recorded() as events:
        made = page.objects.create(**{field: value})
        read = page.objects.get(pk=made.pk)
        setattr(read, field, b"!" if field == "image" else "!")
        read.save()
        page.objects.filter(pk=made.pk).update(**{field: value})
        page.objects.get(pk=made.pk).delete()
    created, changed, deleted = (event for event in events if event.signal in ("post_save", "post_delete"))
    assert created.changes[field] == [None, shown]
    assert changed.changes == {field: [shown, json_safe(getattr(read, field), LIMIT, ())]}
    assert deleted.changes[field] == [shown, None]
    assert created.overwrote == changed.overwrote == deleted.overwrote == []
