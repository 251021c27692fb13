"""Where an Iceberg archive is: a folder or S3-compatible storage, and the catalog that knows it (pure; no Django).

::

    /srv/archive                                          a folder; its catalog is /srv/archive/catalog.db
    s3://bucket/log?catalog=https://catalog.example/      storage, with a REST catalog
    s3://bucket/log?catalog=sqlite:////srv/catalog.db&endpoint=http://127.0.0.1:8333

    /srv/archive?catalog=postgresql://host/catalog        a catalog in PostgreSQL

The keys of the storage are not in the URL but in the environment (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os.path import isfile
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from signal_log.errors import ProofError

CATALOG_FILE: Final = "catalog.db"
NAMESPACE: Final = "signal_log"
"""Of the table, and the folder in the archive's that it is in."""
LEAVES: Final = 65_536
"""So many leaves are one part of the table, and one file: from a multiple of it, as the tree's tiles lie."""
OPTIONS: Final = ("catalog", "endpoint", "region", "warehouse")
_SCHEMES: Final = ("", "file", "s3")
_CATALOGS: Final = ("http", "https", "sqlite", "postgresql")
_POSTGRESQL: Final = "postgresql+psycopg://"
"""What SQLAlchemy calls PostgreSQL by psycopg 3, which the log's own database needs, too."""


@dataclass(frozen=True, slots=True)
class Place:
    """An archive's place."""

    location: str
    """What events of the log call it: the folder's path, or ``s3://bucket/prefix``; no secret can be in it."""
    catalog: str = field(repr=False)
    """Of the catalog: the URL of its database, or of its REST service."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def folder(self) -> Path | None:
        """The folder; None if it is in storage."""
        return None if "://" in self.location else Path(self.location)

    @property
    def is_rest(self) -> bool:
        """Whether the catalog is a service."""
        return self.catalog.startswith(("http://", "https://"))

    @property
    def catalog_file(self) -> Path | None:
        """The file of the catalog; None if it is in a server."""
        path = self.catalog.partition("://")[2].partition("?")[0]
        return Path(path[1:]) if self.catalog.startswith("sqlite") else None

    @property
    def password(self) -> str:
        """Of the catalog, as its URL has it, which is no place for one; empty if there is none."""
        split = urlsplit(self.catalog)
        return split.password or dict(parse_qsl(split.query)).get("password", "")

    def is_at(self, location: str) -> bool:
        """Whether a location, as Iceberg has it, is this place."""
        folder = self.folder
        return location == self.location if folder is None else Path(plain_folder(location)).resolve() == folder

    @property
    def warehouse(self) -> str:
        """Where tables are made, as Iceberg has it."""
        folder = self.folder
        return folder.as_uri() if folder is not None else self.location


def is_iceberg(text: str) -> bool:
    """Whether a text names an archive of this kind: by its scheme, its catalog, or the catalog's file in a folder."""
    return "://" in text or "?" in text or text.startswith("file:") or isfile(Path(text) / CATALOG_FILE)


def read_place(text: str) -> Place:
    """Parse an archive's URL; raises ``ProofError``."""
    split = urlsplit(text)
    if split.scheme not in _SCHEMES or (split.scheme == "file" and split.netloc):
        raise ProofError(
            f"An archive is a folder or s3://bucket/prefix, not {_shown(text)}. Write a folder as /srv/archive."
        )
    if "@" in split.netloc:
        raise ProofError(
            "The archive's URL holds a name or a password. Give the storage's keys in the environment instead: "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    # In the name of a catalog's driver a plus is a plus, and no space, as it would be in a form.
    options = dict(parse_qsl(split.query.replace("+", "%2B"), keep_blank_values=True))
    if unknown := sorted(options.keys() - set(OPTIONS)):
        raise ProofError(f"The archive's URL has an unknown option {unknown[0]!r}. Accepted: {', '.join(OPTIONS)}.")
    if split.scheme == "s3":
        if not split.netloc:
            raise ProofError(f"The archive's URL names no bucket: {_shown(text)}. Write s3://bucket/prefix.")
        location = f"s3://{split.netloc}/{split.path.strip('/')}".rstrip("/")
        if "catalog" not in options:
            raise ProofError(
                f"An archive in storage needs a catalog: add ?catalog=https://… (a REST catalog) or "
                f"?catalog=sqlite:////path/{CATALOG_FILE} to {location}."
            )
    else:
        if not split.path:
            raise ProofError("The archive's URL names no folder.")
        must_be_whole(split.path)
        location = str(Path(split.path).resolve())
    catalog = options.get("catalog") or f"sqlite:///{location}/{CATALOG_FILE}"
    if urlsplit(catalog).scheme.partition("+")[0] not in _CATALOGS:
        raise ProofError(f"The archive's catalog is none of {', '.join(f'{one}://' for one in _CATALOGS)}.")
    if catalog.startswith("sqlite"):
        _catalog_must_be_whole(catalog)
    if catalog.startswith("postgresql://"):
        catalog = catalog.replace("postgresql://", _POSTGRESQL, 1)
    return Place(location, catalog, options)


def must_be_whole(folder: str) -> None:
    """Refuse a relative folder of an archive, of either kind; raises ``ProofError``."""
    if not Path(folder).is_absolute():
        meant = Path(folder).expanduser().resolve()
        raise ProofError(
            f"The folder of an archive is given by its whole path, and not as {_shown(folder)}, which is another one "
            f"in each directory that a process is started in. Probably {meant} was meant."
        )


def _catalog_must_be_whole(catalog: str) -> None:
    """Refuse an SQLite file by a relative path, of which there is one in each directory, or none on disk."""
    split = urlsplit(catalog)
    path = split.path[1:]  # the address has three slashes before a relative path, and four before a whole one
    if split.netloc or not path.startswith("/"):
        meant = f"sqlite:///{Path(split.netloc + split.path if split.netloc else path or CATALOG_FILE).resolve()}"
        raise ProofError(
            "The file of an archive's catalog is given by its whole path, with four slashes, or it is another one in "
            f"each directory that a process is started in. Probably {meant} was meant."
        )


def plain_folder(location: str) -> str:
    """A folder as file systems have it, of a location that may be a ``file:`` URL."""
    return unquote(urlsplit(location).path) if location.startswith("file:") else location


def plain_path(path: str) -> str:
    """A path as file systems have it: of a folder without a scheme, in storage with the bucket and without a scheme."""
    split = urlsplit(path)
    if split.scheme in ("", "file"):
        return unquote(split.path) if split.scheme else path
    return f"{split.netloc}{split.path}"


def _shown(text: str) -> str:
    return repr(text.partition("?")[0][:80])
