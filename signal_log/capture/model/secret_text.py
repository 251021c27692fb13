"""Finds secrets in text by their shape: hashes, tokens, keys, headers, addresses with a password, and JSON.

What is found is replaced by the mask whole; the text around it stays. Nothing here raises, and every pattern takes
time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

import orjson

from signal_log.capture.model.named_values import changes_case, looks_made_up, without_named
from signal_log.capture.model.secret_names import secret_items
from signal_log.event import MASK

MAX_DEPTH: Final = 20
LONGEST: Final = 64_000
"""How much of a text is searched, and parsed as JSON."""

_PREFIX: Final = re.compile(r"(?:gh[pousr]|github_pat|npm)_|(?:glpat|pypi|xox[abeoprs])-|[sr]k[-_]").search
SHORTEST: Final = 8
"""No shorter text is searched."""
_SHORTEST_TOKEN: Final = 14
"""``Bearer`` and eight characters; everything else that needs no sign is longer."""

_TOKEN: Final = re.compile(
    # Django's password hashes, and crypt's
    r"\b(?:pbkdf2_\w+|argon2\w*|bcrypt\w*|scrypt|sha1|md5|crypt|unsalted_\w+)\$(?:[^\s\"'<>,;]|,(?=\w)){8,}"
    r"|\$(?:2[abxy]?|1|5|6|7|y|gy|sha1|scrypt|argon2\w*|pbkdf2[\w-]*)\$(?:[^\s\"'<>,;]|,(?=\w)){8,}"
    # Werkzeug's, LDAP's, phpass's, PostgreSQL's
    r"|\b(?:scrypt|pbkdf2)(?::\w{1,20}){1,3}\$[^\s\"'<>,;]{8,}"
    r"|\{(?:S?SHA(?:256|384|512)?|S?MD5|CRYPT|BCRYPT|ARGON2\w{0,3}|PBKDF2[\w-]{0,20})\}[^\s\"'<>,;]{8,}"
    r"|\$[PH]\$[./0-9A-Za-z]{20,}|\bSCRAM-SHA-\d{1,3}\$[^\s\"'<>,;]{8,}"
    # JSON Web Tokens
    r"|\beyJ[\w-]{6,}\.[\w-]{2,}(?:\.[\w-]*){0,3}"
    # tokens of well-known services
    r"|\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|npm_\w{30,}|pypi-[\w-]{30,}|[sr]k[-_](?:live_|test_|proj-|ant-)?[\w-]{20,}|xox[abeoprs]-[\w-]{10,})"
    # private keys
    r"|-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,40}-----(?:.*?-----END [A-Z0-9 ]{0,80}-----|.*)",
    re.DOTALL,
)
_SCHEME: Final = re.compile(r"\b(Bearer|Basic|Token|Digest|ApiKey)([ \t]{1,9})([\w.~+/=-]{8,})", re.IGNORECASE)
_HEADER: Final = re.compile(
    r"""\b((?:proxy-)?authorization|(?:set-)?cookie(?=["']?[ \t]*[:=][^\r\n=]{1,200}=))(["']?[ \t]*[:=][ \t]*)"""
    r"""(?!["'\[{]*[ \t]*$)([^\r\n]+)""",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS: Final = re.compile(
    r"\b([a-z][a-z0-9+.-]{1,30}://(?:[^\s/:@\"'<>]{0,200}:(?!\d{1,5}/)|(?=[^\s/:@\"'<>]{16,200}@)))"
    r"([^\s/\"'<>]{1,300}|[^\s\"'<>@]{1,300})@",
    re.IGNORECASE,
)
_OPENED: Final = re.compile(r"""["']([\w .-]{2,80})["']\s{0,9}:\s{0,9}(?=[\[{])""")
_PAIR: Final = re.compile(
    r"""(\[\s{0,9}["'])([\w.-]{2,80})(["']\s{0,9},\s{0,9})("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)"""
)
_ROW: Final = re.compile(
    r"""(["'](?:key|name|setting|option|variable|param|header|label|field|type(?=["']\s{0,9}:\s{0,9}["']password))["']\s{0,9}:\s{0,9}["'])"""
    r"""([\w .-]{2,80})"""
    r"""(["']\s{0,9},\s{0,9}["'](?:\w{0,20}value\w{0,20}|content|old|new)["']\s{0,9}:\s{0,9})("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[\[{].*)""",
    re.DOTALL | re.IGNORECASE,
)
"""Parts of JSON that was cut, and does not parse any more."""
_VALUED: Final = re.compile(r"(?i)(field ['\"]([\w.]+)['\"].{0,200}?\b(?:got|not|value) )(.+)", re.DOTALL)
SHORTEST_FOUND: Final = 6
"""Of shorter secrets that are found in a text nobody is told: they would be found everywhere."""
_HEADER_NAME: Final = re.compile(r"[\w-]{1,80}").fullmatch
_DIGIT: Final = re.compile(r"\d").search
_LONGEST_WORD: Final = 15
_ONE_WORD: Final = re.compile(r"[\w.~+:=-]+")


def without_secrets(text: str, names: Container[str]) -> str:
    """The text without what looks like a secret, or stands behind a name that does.

    Of a very long text only the beginning is searched: the log keeps no more.
    """
    if len(text) > LONGEST:
        return without_secrets(text[:LONGEST], names) + text[LONGEST:]
    return _searched(text, names, MAX_DEPTH) if len(text) >= SHORTEST and _may_hold_one(text) else text


def _may_hold_one(text: str) -> bool:
    """A quick answer, by what every pattern needs; most texts are asked no more. (A search for all takes ten times.)"""
    if ":" in text or "=" in text or "$" in text or "[" in text or "<" in text or "%" in text or "{" in text:
        return True
    if not text.isascii() and ("\uff1d" in text or "\uff1a" in text):
        return True
    if len(text) < _SHORTEST_TOKEN:
        return False
    if " " in text and (
        "earer " in text or "oken " in text or "OKEN " in text or "asic " in text or "ASIC " in text or "EARER " in text
    ):
        return True
    if "eyJ" in text or "--" in text or "AKIA" in text or "ASIA" in text or "AIza" in text:
        return True
    return ("-" in text or "_" in text) and _PREFIX(text) is not None


def _searched(text: str, names: Container[str], depth: int) -> str:
    stripped = text.strip()
    if depth and stripped[:1] in ("{", "[") and stripped[-1:] in ("}", "]"):
        try:
            held = orjson.loads(stripped)
        except (ValueError, RecursionError):
            pass
        else:
            masked = mask_json(held, names, depth - 1)
            if masked != held:
                _found(*values_inside(held, names))
            return text if masked == held else orjson.dumps(masked).decode()
    text = _TOKEN.sub(_of_token, text)
    text = _HEADER.sub(_of_header, text)
    text = _ADDRESS.sub(_of_address, text)
    text = _SCHEME.sub(_of_scheme, text)

    def paired(match: re.Match[str]) -> str:
        if match[2] not in names:
            return match[0]
        _found(match[4])
        return f"{match[1]}{match[2]}{match[3]}{MASK}"

    if "[" in text or "{" in text:
        text = _ROW.sub(paired, _PAIR.sub(paired, text))
        opened = next((match for match in _OPENED.finditer(text) if match[1] in names), None)
        if opened is not None:
            text = text[: opened.end()] + MASK  # where it ends cannot be told
    return without_named(text, names, _found)


def mask_json(value: Any, names: Container[str], depth: int = MAX_DEPTH) -> Any:
    """Parsed JSON with the values of secret names masked, in rows of key and value and in pairs too."""
    if isinstance(value, str):
        return _searched(value, names, depth) if len(value) >= SHORTEST and _may_hold_one(value) else value
    if depth <= 0:
        return MASK if isinstance(value, (dict, list)) else value
    if isinstance(value, dict):
        secret = secret_items(value, names)
        return {
            without_secrets(k, names): MASK if k in secret else mask_json(v, names, depth - 1) for k, v in value.items()
        }
    if isinstance(value, list):
        if is_pair(value, names):
            return [value[0], MASK]
        return [mask_json(inner, names, depth - 1) for inner in value]
    return value


def hides_in_bytes(value: bytes, names: Container[str]) -> bool:
    """Whether bytes are text that holds a secret: the body of a request, a file."""
    try:
        text = value[:LONGEST].decode()
    except UnicodeDecodeError as error:
        if error.start < len(value[:LONGEST]) - 3:
            return False
        text = value[: error.start].decode()
    return without_secrets(text, names) != text


def is_pair(value: Any, names: Container[str]) -> bool:
    """Whether it is a name and its secret value, as headers are held: ``["Authorization", "…"]``."""
    if len(value) == 2 and isinstance(value[0], bytes) and isinstance(value[1], bytes):  # as ASGI holds them
        name = value[0].decode("latin-1")
        return value[1] != b"" and name in names and _HEADER_NAME(name) is not None
    return (
        len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], (str, int))
        and value[1] != ""
        and value[0] in names
        and (
            value[0] != value[0].lower()
            or not str(value[1]).isalpha()
            or len(str(value[1])) > _LONGEST_WORD  # ["key", "value"] are two names
        )
    )


def values_inside(value: Any, names: Container[str], depth: int = MAX_DEPTH) -> Iterator[Any]:
    """What is masked of JSON, or of what becomes JSON, because of its names."""
    if not depth:
        return
    if isinstance(value, Mapping):
        held = {key: inner for key, inner in value.items() if isinstance(key, str)}
        secret = secret_items(held, names)
        for key, inner in held.items():
            if key in secret:
                yield inner
            else:
                yield from values_inside(inner, names, depth - 1)
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from values_inside(dict(zip(value._fields, value, strict=False)), names, depth)
    elif isinstance(value, (list, tuple)):
        if is_pair(value, names):
            yield value[1]
        else:
            for inner in value:
                yield from values_inside(inner, names, depth - 1)


def mask_quoted_value(text: str, names: Container[str]) -> str:
    """An error's text without the value of a secret field: Django's "Field 'pin' expected a number but got 'x'."."""
    match = _VALUED.search(text)
    if match is None or match[2].rpartition(".")[2] not in names:
        return text
    return text[: match.start(3)] + MASK


def looks_random(value: str, least: int = 16) -> bool:
    """Whether it looks like a token: long, and of letters and digits that change often."""
    if len(value) < least or _ONE_WORD.fullmatch(value) is None:
        return False
    changes = sum(a.isdigit() != b.isdigit() and a.isalnum() and b.isalnum() for a, b in pairwise(value))
    cases = sum(a.islower() != b.islower() for a, b in pairwise(value) if a.isalpha() and b.isalpha())
    return changes >= 4 or (cases >= 5 and len(value) >= 20)


def _of_scheme(match: re.Match[str]) -> str:
    value = match[3]
    if not (looks_made_up(value) and (match[1].lower() == "bearer" or _DIGIT(value))) and not changes_case(value):
        return match[0]  # token well-known
    _found(match[3])
    return f"{match[1]}{match[2]}{MASK}"


def _of_token(match: re.Match[str]) -> str:
    _found(match[0])
    return MASK


def _of_header(match: re.Match[str]) -> str:
    _found(*re.split(r"[\s,;=]+", match[3]))
    return f"{match[1]}{match[2]}{MASK}"


def _of_address(match: re.Match[str]) -> str:
    if match[1].endswith("/") and not looks_random(match[2]):
        return match[0]  # an account's name
    _found(match[2])
    return f"{match[1]}{MASK}@"


def tell(listener: Callable[[str], object]) -> None:
    """Have this function told each secret that is found, so that it can look for copies of it."""
    global _listener  # noqa: PLW0603  one for the process, set where traces are known
    _listener = listener


def _found(*secrets: Any) -> None:
    for secret in secrets:
        text = secret.strip("\"'") if isinstance(secret, str) else ""
        if len(text) >= SHORTEST_FOUND and MASK not in text and looks_made_up(text):
            _listener(text)


def _ignore(_: str) -> None:
    pass


_listener: Callable[[str], object] = _ignore
