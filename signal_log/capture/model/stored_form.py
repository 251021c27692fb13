"""Which fields store something else than Python sees: encrypted by their class, or converted by code of its own.

An encrypted column would stand in the log as plain text, so its values are masked. Whether code of a class's own
encrypts cannot always be told; a system check names such fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from types import FunctionType
from typing import Any, Final

from django.db import models

PACKAGES: Final = frozenset({
    "aesfield", "cryptographic_fields", "django_crypto_extensions", "django_crypto_fields", "django_cryptography",
    "django_kms", "encrypted_fields", "encrypted_json_fields", "encrypted_model_fields", "fernet_fields", "hyval",
    "mirage", "nacl_encrypted_fields", "naclencryptedfields", "pgcrypto", "secured_fields", "tink_fields",
})  # fmt: skip
"""Modules of packages whose fields encrypt or hash what they store."""

HARMLESS: Final = frozenset({
    "address", "allauth", "autoslug", "bitfield", "ckeditor", "cms", "colorfield", "django", "django_celery_beat",
    "django_celery_results", "django_ckeditor_5", "django_countries", "django_enum", "django_extensions",
    "django_fsm", "django_json_widget", "django_jsonform", "djmoney", "durationfield", "easy_thumbnails", "enumfields",
    "filer", "imagekit", "jsonfield", "localflavor", "macaddress", "model_utils", "modelcluster", "modeltranslation",
    "mptt", "multiselectfield", "netfields", "oauth2_provider", "parler", "pgvector", "phonenumber_field",
    "picklefield", "psqlextra", "recurrence", "relativedeltafield", "rest_framework", "shortuuid", "shortuuidfield",
    "simple_history", "sorl", "taggit", "timezone_field", "tinymce", "treebeard", "versatileimagefield", "wagtail",
})  # fmt: skip
"""Modules of packages whose fields convert what they store, and do not hide it."""

FROM_DATABASE: Final = ("from_db_value", "select_format", "get_col")
TO_DATABASE: Final = (
    "get_prep_value", "get_db_prep_value", "get_db_prep_save", "get_placeholder", "get_placeholder_sql", "pre_save",
)  # fmt: skip
CONVERTS: Final = (*FROM_DATABASE, *TO_DATABASE, "to_python", "descriptor_class", "__get__")

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_BEGINNINGS: Final = ("encrypt", "decrypt", "cipher", "decipher", "fernet", "pgcrypto")
_WORDS: Final = frozenset({"aes", "kms", "pgp", "rsa"})


def is_encrypted(field: Any) -> bool:
    """Whether the field's class, or that of its elements, encrypts what it stores."""
    kind: Any = type(field)
    elements = getattr(field, "base_field", None)
    return encrypts(kind) or (isinstance(elements, models.Field) and is_encrypted(elements))


def converts_unknown(field: Any) -> bool:
    """Whether code of the host's own converts the field in both directions, to an effect that cannot be told."""
    kind: Any = type(field)
    return converts_both_ways(kind) and not is_encrypted(field)


@lru_cache(maxsize=1024)
def encrypts(kind: type) -> bool:
    """Whether a class of fields encrypts: by its package, its name, or the names that its own code uses."""
    own = list(_not_of_django(kind))
    if not any(name in vars(cls) for cls in own for name in CONVERTS):
        return False  # a file field may encrypt its files, and store a name
    return any(
        _package(cls) in PACKAGES
        or any(map(_tells_of_encryption, (cls.__name__, *cls.__module__.split("."), *_names_used(cls))))
        for cls in own
    )


@lru_cache(maxsize=1024)
def converts_both_ways(kind: type) -> bool:
    """Whether a class of fields overrides both directions of the conversion, outside Django and what is known."""
    own = [vars(cls) for cls in _not_of_django(kind) if _package(cls) not in HARMLESS]
    return all(any(name in held for held in own for name in way) for way in (FROM_DATABASE, TO_DATABASE))


def _not_of_django(kind: type) -> Iterator[type]:
    return (cls for cls in kind.__mro__ if _package(cls) not in ("django", "builtins"))


def _package(cls: type) -> str:
    return cls.__module__.partition(".")[0]


def _names_used(cls: type) -> Iterator[str]:
    """The names of the class's attributes, and those that its methods use."""
    for name, held in vars(cls).items():
        yield name
        function = getattr(held, "__func__", held)
        if isinstance(function, FunctionType):
            yield from function.__code__.co_names


def _tells_of_encryption(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    return any(word in _WORDS or word.startswith(_BEGINNINGS) for word in words)
