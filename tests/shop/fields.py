"""Fields of the shop's own: two that encrypt what they store, and one that converts it and hides nothing."""

import codecs
import secrets

from django.db import models

SALT = 8


class EncryptedTextField(models.TextField):
    """Says by its name that it encrypts, and stores the same text differently each time, as good ciphers do."""

    def from_db_value(self, value, expression, connection):
        """Turn what is stored into what is meant."""
        return value if value is None else codecs.decode(value[SALT:], "rot13")

    def get_prep_value(self, value):
        """Turn what is meant into what is stored."""
        value = super().get_prep_value(value)
        return value if value is None else secrets.token_hex(SALT // 2) + codecs.encode(value, "rot13")


def encrypted(text):
    """Stand in for a cipher."""
    return codecs.encode(text, "rot13")


class HiddenField(models.TextField):
    """Does not say so, but its code calls something that encrypts."""

    def from_db_value(self, value, expression, connection):
        """Turn what is stored into what is meant."""
        return value if value is None else encrypted(value)

    def get_prep_value(self, value):
        """Turn what is meant into what is stored."""
        return value if value is None else encrypted(super().get_prep_value(value))


class GramsField(models.IntegerField):
    """Kilograms that are stored as grams."""

    def from_db_value(self, value, expression, connection):
        """Turn what is stored into what is meant."""
        return value if value is None else value // 1000

    def get_prep_value(self, value):
        """Turn what is meant into what is stored."""
        return value if value is None else super().get_prep_value(value) * 1000
