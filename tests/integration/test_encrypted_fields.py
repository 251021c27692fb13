"""Columns that their class encrypts are masked in the log, and other conversions are asked about."""

import django
import pytest
from django.contrib.postgres.fields import ArrayField
from django.core.checks import run_checks
from django.db import connection, models
from django.test import override_settings
from django.test.utils import isolate_apps

from signal_log import pipeline
from signal_log.capture.model.registry import plan_of
from signal_log.capture.model.stored_form import converts_both_ways, encrypts, is_encrypted
from signal_log.event import MASK
from signal_log.models import SignalEvent
from tests.log import recorded
from tests.settings import SIGNAL_LOG
from tests.shop.fields import EncryptedTextField, GramsField, HiddenField
from tests.shop.models import Patient

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def test_an_encrypted_column_is_masked_everywhere():
    """Neither a save, a delete nor a bulk write puts what the column hides into the log, nor does an object's text."""
    with recorded() as events:
        patient = Patient.objects.create(name="ada", diagnosis="planted-1", history="planted-2", weight=60)
        patient.diagnosis = "planted-3"
        patient.save()
        Patient.objects.update(history="planted-4")
        patient.delete()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {SignalEvent._meta.db_table}")  # noqa: S608
        assert "planted" not in str(cursor.fetchall())
    created, updated, deleted = (e for e in events if e.signal in ("post_save", "post_delete"))
    assert created.changes["diagnosis"] == created.changes["history"] == [None, MASK]
    assert created.changes["weight"] == [None, 60]
    assert updated.changes == {"diagnosis": [MASK, MASK]}
    assert deleted.changes["diagnosis"] == deleted.changes["history"] == [MASK, None]
    assert {event.object_repr for event in events if event.object_pk} == {MASK}


def test_a_cipher_that_stores_the_same_differently_each_time():
    """A save stores other bytes for the same text; that is no change, and nothing that another writer did."""
    Patient.objects.create(name="ada", diagnosis="planted-1")
    patient = Patient.objects.get()
    with recorded() as events:
        patient.save()
        patient.name = "bob"
        patient.save()
        Patient.objects.get().save()
    posts = [event for event in events if event.signal == "post_save"]
    assert [event.changes for event in posts] == [{}, {"name": ["ada", "bob"]}, {}]
    assert [event.overwrote for event in posts] == [[], [], []]


def test_a_field_that_hides_nothing_can_be_confirmed():
    """UNMASK_FIELDS shows the values of a field whose class looks as if it encrypts."""
    pipeline.stop()
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, "UNMASK_FIELDS": {"shop.Patient": ["history"]}}):
        pipeline.start()
        with recorded() as events:
            Patient.objects.create(name="ada", diagnosis="planted-1", history="well")
        pipeline.stop()
    pipeline.start()
    assert events[-1].changes["history"] == [None, "well"]
    assert events[-1].changes["diagnosis"] == [None, MASK]


@pytest.mark.parametrize(
    ("setting", "fields", "named"),
    [
        ("MASK_FIELDS", [], True),
        ("MASK_FIELDS", ["weight"], False),
        ("UNMASK_FIELDS", ["weight"], False),
        ("MASK_FIELDS", ["name"], True),
        ("UNMASK_FIELDS", ["name"], True),
    ],
    ids=["said nothing", "masked", "confirmed", "said of another", "confirmed of another"],
)
def test_the_check_asks_about_conversions(setting, fields, named):
    """A class that converts both ways is named once, with how to mask or to confirm it; encrypted ones are not."""
    with override_settings(SIGNAL_LOG={**SIGNAL_LOG, setting: {"shop.Patient": fields}}):
        found = [message for message in run_checks() if message.id == "signal_log.I001"]
    said = "The class tests.shop.fields.GramsField converts what it stores (shop.Patient.weight). If it encrypts, "
    assert [message.msg for message in found] == named * [said + "the log shows what the column hides."]
    assert all(message.hint.count('_FIELDS"] = {"shop.Patient": ["weight"]}') == 2 for message in found)


def test_the_check_leaves_alone_what_is_not_recorded():
    """A field that is excluded, or whose model is not observed, needs no answer."""
    for unseen in ({"EXCLUDE": ["shop.Patient"]}, {"EXCLUDE_FIELDS": {"shop.Patient": ["weight"]}}):
        with override_settings(SIGNAL_LOG={**SIGNAL_LOG, **unseen}):
            assert not [message for message in run_checks() if message.id == "signal_log.I001"]


def named(name, base, module="host.fields", **held):
    """Make a class of fields as a package would define it."""
    return type(name, (base,), {"__module__": module, **held})


def convert(self, value, *_):
    """Convert a value."""
    return value


PLACEHOLDER = "get_placeholder_sql" if django.VERSION >= (6, 1) else "get_placeholder"
BOTH = {"from_db_value": convert, "get_prep_value": convert}


@pytest.mark.parametrize(
    "kind",
    [
        EncryptedTextField,
        HiddenField,
        named("EncryptedCharField", models.CharField, "fernet_fields.fields", **BOTH),
        named("FirstnameField", models.CharField, "django_crypto_fields.fields.firstname_field", **BOTH),
        named("TextPGPPublicKeyField", models.TextField, "pgcrypto.fields", **{PLACEHOLDER: convert}),
        named("SearchField", models.CharField, "encrypted_fields.fields", get_db_prep_save=convert),
        named("NaClCharField", models.CharField, "nacl_encrypted_fields.fields", **BOTH),
        named("AESField", models.TextField, "aesfield.field", get_db_prep_value=convert),
        named("SecretText", models.TextField, "host.encryption", **BOTH),
        named("SafeText", models.TextField, decrypt=convert, **BOTH),
        named("Inherited", named("Encrypted", models.TextField, **BOTH)),
    ],
)
def test_classes_that_encrypt(kind):
    """By the package, the name of the class or of a parent, its module, or what its own code uses."""
    assert encrypts(kind)


@pytest.mark.parametrize(
    "kind",
    [
        models.TextField,
        models.JSONField,
        models.FileField,
        GramsField,
        named("EncryptedFileField", models.FileField),  # its files are, its column is not
        named("PrescriptionField", models.TextField, **BOTH),
        named("DescriptionField", models.TextField, "host.subscriptions", **BOTH),
        named("KeysField", models.TextField, pagescript=convert, **BOTH),
    ],
)
def test_classes_that_do_not(kind):
    """Ordinary fields, and words that only contain letters of the telling ones."""
    assert not encrypts(kind)


def test_conversions_that_are_known():
    """Django's own fields and those of well-known packages are not asked about, nor is half a conversion."""
    assert converts_both_ways(GramsField)
    assert not converts_both_ways(models.JSONField)
    assert not converts_both_ways(named("CountryField", models.CharField, "django_countries.fields", **BOTH))
    assert not converts_both_ways(named("Lower", models.CharField, get_prep_value=convert))


@isolate_apps("tests.shop")
def test_an_encrypted_key_is_hashed_wherever_it_is_shown():
    """A key that is encrypted is no more shown in full than a key that is named as a secret, nor are lists of them."""

    class Vault(models.Model):
        number = EncryptedTextField(primary_key=True)

        class Meta:
            app_label = "shop"

    class Coin(models.Model):
        vault = models.ForeignKey(Vault, models.CASCADE)

        class Meta:
            app_label = "shop"

    plan = plan_of(Vault)
    assert plan.key(Vault(number="planted")).startswith("hmac:")
    assert plan_of(Coin).by_attname["vault_id"].masked
    assert is_encrypted(ArrayField(EncryptedTextField()))
    assert not is_encrypted(ArrayField(models.TextField()))
