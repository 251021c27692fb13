"""Which names say that a value is secret: ``password``, ``apiKeys``, ``accesstoken``, the row ``smtp_password``."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from unicodedata import normalize

from signal_log.capture.model.name_pattern import fits, is_pattern

SECRET_NAMES: Final = (
    # passwords
    "password", "passwd", "passphrase", "passcode", "pwd", "db_pass", "smtp_pass", "email_pass", "passwort",
    "kennwort", "mot_de_passe", "contrasena", "senha",
    # tokens and headers
    "token", "jwt", "bearer", "csrf", "csrfmiddlewaretoken", "xsrf", "authorization", "auth_header", "cookie",
    "credential", "session_key", "session_id", "session_data",
    # keys
    "key", "api_key", "apikey", "secret", "secret_key", "private_key", "private_pem", "access_key", "encryption_key",
    "psk", "seed", "salt", "mnemonic", "plaintext", "digest", "signature",
    # codes
    "otp", "totp", "hotp", "pin", "cvv", "cvc", "recovery_code", "backup_code", "verification_code", "reset_code",
    "activation_code", "confirmation_code", "access_code", "auth_code", "security_code", "login_code", "code_verifier",
)  # fmt: skip
"""Masked on every model, and everywhere in JSON: one whole word or several in a row, plurals too."""

PUBLIC_NAMES: Final = (
    "translation_key", "public_key", "natural_key", "idempotency_key", "primary_key", "foreign_key", "sort_key",
    "partition_key", "routing_key", "grouping_key", "deduplication_key", "token_type",
    "key_error",
)  # fmt: skip
"""Names that are shown although one of those is in them."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_RUN_TOGETHER: Final = re.compile(
    r"(?:\w*(?:password|passwd|passphrase|passcode|pwd)"
    r"|(?:access|api|app|auth|bearer|bot|client|consumer|csrf|device|email|id|invite|jwt|login|oauth|push|refresh|reset"
    r"|session|user|webhook|xsrf)(?:token|secret)"
    r"|(?:access|aes|api|auth|client|consumer|encryption|hmac|jwt|license|master|pgp|private|rsa|secret|session|shared"
    r"|signing|ssh|webhook)key"
    r"|(?:activation|backup|login|recovery|reset|security|verification)code"
    r"|(?:password|passwd|token|secret|csrf|jwt|apikey)(?:code|data|digest|hash|hashe|id|key|salt|text|token|value)"
    r"|session(?:data|id))s?"
)  # fmt: skip
"""A single word that is made of several: ``authtoken``, ``passwordhash``, ``sessionid``."""

_NAMING: Final = frozenset({
    "attribute", "field", "header", "identifier", "key", "name", "option", "param", "parameter", "preference",
    "property", "setting", "variable",
})  # fmt: skip
"""The last word of a field that says what stands in another field of its row."""
_OF_A_ROW: Final = frozenset({*_NAMING, "config", "configuration", "entry", "env", "item", "meta", "pref"})
"""What a field ``…_key`` is about that says so; another key may be a secret itself."""
_HOLDING: Final = frozenset({"value", "val", "values"})
_HOLDING_BESIDE_KEY: Final = frozenset({"content", "data", "text"})
_DESCRIBING: Final = frozenset({"type", "format", "kind"})
_IN_JSON: Final = (
    ("label", ("value", "content")), ("type", ("value", "content")), ("name", ("content",)), ("path", ("value",)),
    ("field", ("old", "new", "before", "after", "from", "to", "previous", "current")),
)  # fmt: skip
"""Rows that only JSON has: parts of forms, changes as logs and patches list them."""
_MOST_NAMES: Final = 4096


class SecretNames:
    """A set of names: those above, with a project's own added and taken out. ``name in names`` asks it."""

    def __init__(self, more: Iterable[str] = (), fewer: Iterable[str] = ()) -> None:
        more, fewer = tuple(more), tuple(fewer)
        self.patterns = tuple(name for name in more if is_pattern(name) and name not in fewer)
        self._shown = tuple(name for name in fewer if is_pattern(name))
        fewer = [_words(name) for name in fewer]
        entries = dict.fromkeys([*SECRET_NAMES, *map(_words, more)])
        self.entries = tuple(entry for entry in entries if entry not in fewer)
        self._public = tuple(name for name in (*PUBLIC_NAMES, *fewer) if name not in SECRET_NAMES)
        self._joined = {entry.replace("_", ""): entry for entry in self.entries if "_" in entry}
        self.reason: Callable[[str], str] = lru_cache(maxsize=_MOST_NAMES)(self._reason)
        """The entry because of which a name is secret; empty if it is not."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.reason(str(name)))

    def _reason(self, name: str) -> str:
        name = name[:200]
        if pattern := _fitting(name, self.patterns):
            return pattern
        if _fitting(name, self._shown):
            return ""
        words = f"_{_words(name)}_"
        for public in self._public:
            words = words.replace(f"_{public}_", "__")
        for entry in self.entries:
            if f"_{entry}_" in words or f"_{entry}s_" in words:
                return entry
        for word in words.split("_"):
            if entry := self._joined.get(word, "") or self._joined.get(word.removesuffix("s"), ""):
                return entry
            if _RUN_TOGETHER.fullmatch(word):
                return next((entry for entry in self.entries if entry in word), "")
        return ""


def _fitting(name: str, patterns: Iterable[str]) -> str:
    """The first of these patterns that stands for the name, however its words are joined."""
    return next((pattern for pattern in patterns if fits(name, pattern) or fits(_words(name), pattern)), "")


def _words(name: str) -> str:
    if not name.isascii():  # contraseña
        name = normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "_".join(_WORD.findall(name)).lower()


class Row(NamedTuple):
    """Which fields of a row of key and value say what it holds, and which hold it."""

    naming: tuple[str, ...]
    holding: tuple[str, ...]

    def is_secret(self, values: Mapping[str, Any], names: Container[str]) -> bool:
        """Whether the row's key says that its value is secret."""
        return any(isinstance(name := values.get(field), str) and name in names for field in self.naming)


def row_of(fields: Iterable[str]) -> Row | None:
    """The roles of these fields, if they are those of a row of key and value."""
    words = {field: _words(field).split("_") for field in fields}
    naming = tuple(
        field
        for field, of in words.items()
        if of[-1] in _NAMING and (of[-1] != "key" or len(of) == 1 or of[-2] in _OF_A_ROW)
    )
    if not naming:
        return None
    beside_key = any(words[field][-1] == "key" for field in naming)
    holding = tuple(
        field
        for field, of in words.items()
        if field not in naming
        and of[-1] not in _DESCRIBING
        and (not _HOLDING.isdisjoint(of) or (beside_key and len(of) == 1 and of[0] in _HOLDING_BESIDE_KEY))
    )
    return Row(naming, holding) if holding else None


def secret_items(given: Mapping[str, Any], names: Container[str]) -> set[str]:
    """The keys of a mapping whose values are secret: by their own name, or by the key of a row of key and value."""
    found = {key for key, value in given.items() if value is not None and key in names}
    if names and (row := row_of(given)) is not None:
        found.difference_update(key for key in row.naming if _words(key).endswith("key"))
        if row.is_secret(given, names):
            found.update(key for key in row.holding if given[key] is not None)
    if names:
        for naming, holding in _IN_JSON:
            name = given.get(naming)
            if naming == "type" and name != "password":
                continue  # {"type": "key", "value": "Enter"}
            if isinstance(name, str) and name.rpartition("/")[2] in names:
                found.update(key for key in holding if given.get(key) is not None)
    return found


def says_what_is_held(field: str, fields: Iterable[str]) -> bool:
    """Whether a field named like a key only names what the others of its row hold."""
    row = row_of(fields)
    return row is not None and field in row.naming and _words(field).endswith("key")
