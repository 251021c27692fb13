"""``signal_log_masks`` tells what is masked in a project, and why."""

import json
from io import StringIO

from django.core.management import call_command
from django.test import override_settings

from signal_log import pipeline
from tests.settings import SIGNAL_LOG


def said(*args: str) -> str:
    """Return what the command prints."""
    out = StringIO()
    call_command("signal_log_masks", *args, stdout=out)
    return out.getvalue()


def test_for_people():
    """A line for each masked field with its reason, and the names that are masked everywhere."""
    lines = [line.split(maxsplit=1) for line in said().splitlines()]
    assert ["auth.User.password", 'its name ("password")'] in lines
    assert ["shop.Item.api_token", 'its name ("token")'] in lines
    assert ["shop.Patient.diagnosis", "EncryptedTextField encrypts it"] in lines
    assert "psk" in said()


def test_for_programs():
    """The same as JSON, as the settings have it."""
    given = {
        **SIGNAL_LOG,
        "MASK_FIELDS": {"shop.Category": ["id", "name"], "*": ["iban"]},
        "UNMASK_FIELDS": {"shop.Item": ["api_token"], "*": ["signature"]},
    }
    pipeline.stop()
    with override_settings(SIGNAL_LOG=given):
        pipeline.start()
        told = json.loads(said("--json"))
        assert "UNMASK_FIELDS: shop.Item: api_token; *: signature." in said()
        pipeline.stop()
    pipeline.start()
    why = {f"{row['model']}.{row['field']}": row["why"] for row in told["fields"]}
    assert why["shop.Category.name"] == "MASK_FIELDS"
    assert why["shop.Item.category"] == "it references shop.Category.id"
    assert "shop.Item.api_token" not in why
    assert "iban" in told["names"]
    assert "signature" not in told["names"]
    assert "public_key" in told["shown"]
