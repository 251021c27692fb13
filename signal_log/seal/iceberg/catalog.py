"""Finds the table of an archive in its catalog, or makes it, and refuses what is not this log's (no Django).

The table's properties name the log.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from pyarrow.fs import FileSelector
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.io import load_file_io
from pyiceberg.table import Table
from sqlalchemy import NullPool, create_engine

from signal_log.errors import ProofError
from signal_log.seal.iceberg.columns import BOUNDED, COLUMNS, partitions, schema
from signal_log.seal.iceberg.explained import explained
from signal_log.seal.iceberg.place import NAMESPACE, Place, plain_folder, plain_path
from signal_log.seal.iceberg.table import RESTORE, SECONDS, Archive

FORMAT: Final = "signal_log.iceberg/1"
FORMAT_PROPERTY: Final = "signal_log.format"
LOG_PROPERTY: Final = "signal_log.log"
NAME: Final = "events"
ROWS_A_GROUP: Final = 8_192
"""A reader that looks for a few rows reads so many at once."""
AUTHORITY: Final = "PYICEBERG_CATALOG__SIGNAL_LOG__OAUTH2_SERVER_URI"
"""In the environment, where a REST catalog's tokens are another service's."""

_PROPERTIES: Final = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "write.parquet.row-group-limit": str(ROWS_A_GROUP),
    "write.target-file-size-bytes": str(8 * 1024**3),  # a part is one file
    "write.metadata.metrics.default": "none",
    **{f"write.metadata.metrics.column.{name}": "full" for name in BOUNDED},
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "5",
    "commit.manifest-merge.enabled": "true",
}


def open_table(place: Place, names: Sequence[str], *, make: bool) -> Archive:
    """The archive of this log at a place; raises ``ProofError`` if it is of another log, or there is none."""
    folder = place.folder
    if folder is not None:
        if make:
            with explained(place, "written"):
                folder.mkdir(0o700, parents=True, exist_ok=True)
        elif not folder.is_dir():
            raise ProofError(f"There is no archive in {folder}: there is no such folder.")
    if not make and place.catalog_file is not None and not place.catalog_file.exists():
        raise ProofError(_none_in(place))  # to look would make the file
    with explained(place):
        catalog = _catalog(place)
        try:
            table = catalog.load_table((NAMESPACE, NAME))
        except (NoSuchTableError, NoSuchNamespaceError):
            if not make:
                raise ProofError(_none_in(place)) from None
            table = _made(catalog, place, names[-1])
    _must_be_ours(table, place, names)
    _must_be_here(table, place)
    return Archive(place, table)


def _none_in(place: Place) -> str:
    return f"There is no archive in {place.location}. `signal_archive` makes one."


def _catalog(place: Place) -> Catalog:
    options: dict[str, str] = {
        "type": "rest" if place.is_rest else "sql",
        "uri": place.catalog,
        "warehouse": place.options.get("warehouse", place.warehouse),
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
        "s3.connect-timeout": str(SECONDS),
        "s3.request-timeout": str(SECONDS),
        "rest.session-timeout": str(SECONDS),
    }
    if "endpoint" in place.options:
        options["s3.endpoint"] = place.options["endpoint"]
        options["s3.region"] = place.options.get("region", "us-east-1")
        options["s3.force-virtual-addressing"] = "false"
    elif "region" in place.options:
        options["s3.region"] = place.options["region"]
    if not place.is_rest:
        catalog: Any = load_catalog("signal_log", **options)
        return _without_pool(catalog)
    if AUTHORITY not in os.environ:
        options["oauth2-server-uri"] = f"{place.catalog.rstrip('/')}/v1/oauth/tokens"
    # By this name pyiceberg finds the service's secrets in the environment, in PYICEBERG_CATALOG__SIGNAL_LOG__….
    return load_catalog("signal-log", **options)


def _without_pool(catalog: SqlCatalog) -> SqlCatalog:
    """The same catalog, whose connections end with their use: nobody closes an archive."""
    catalog.close()
    catalog.engine = create_engine(catalog.engine.url, poolclass=NullPool)
    return catalog


def _made(catalog: Catalog, place: Place, log: str) -> Table:
    with suppress(NamespaceAlreadyExistsError):
        catalog.create_namespace(NAMESPACE)
    properties = {**_PROPERTIES, FORMAT_PROPERTY: FORMAT, LOG_PROPERTY: log}
    location = None if place.is_rest else f"{place.warehouse}/{NAMESPACE}/{NAME}"
    if location is not None:
        _must_be_free(catalog, place, location)
    try:
        return catalog.create_table((NAMESPACE, NAME), schema(), location, partitions(), properties=properties)
    except TableAlreadyExistsError:  # made meanwhile
        return catalog.load_table((NAMESPACE, NAME))


def _must_be_ours(table: Table, place: Place, names: Sequence[str]) -> None:
    held, form = (table.properties.get(name) for name in (LOG_PROPERTY, FORMAT_PROPERTY))
    if form != FORMAT or held is None:
        raise ProofError(
            f"The table {NAMESPACE}.{NAME} in {place.location} is no archive of a log ({FORMAT}): give another place."
        )
    if held not in names:
        raise ProofError(
            f"The archive {place.location} is of another log, {held}; this one is {names[-1]}. Give each log its own."
        )
    fields = [(one.name, one.field_type) for one in table.schema().fields]
    if fields != [*COLUMNS]:
        raise ProofError(f"The table in {place.location} has other columns than an archive: somebody has changed it.")


def _must_be_here(table: Table, place: Place) -> None:
    """Refuse a copy, whose paths are still the original's: that one would be read, written and cleared of files."""
    home, _, name = table.location().rpartition(f"/{NAMESPACE}/")
    if place.is_rest or (place.is_at(home) and name == NAME):
        return
    there = plain_folder(home or table.location())
    raise ProofError(
        f"The catalog of {place.location} says that this log's archive is in {there}. Give that place. If "
        f"{place.location} is a copy, or was moved: {RESTORE[0].lower()}{RESTORE[1:]} An archive in another place "
        "needs a catalog of its own."
    )


def _must_be_free(catalog: Catalog, place: Place, location: str) -> None:
    """Refuse a place in which another catalog has a table, whose files would be removed as named by nothing."""
    split = urlsplit(location)
    io: Any = load_file_io(catalog.properties, location)
    files = io.fs_by_scheme(split.scheme or "file", split.netloc or None)
    found = files.get_file_info(FileSelector(f"{plain_path(location)}/metadata", allow_not_found=True))
    if any(one.path.endswith(".metadata.json") for one in found):
        raise ProofError(
            f"There is an archive in {place.location} already, which the catalog that was given does not know: it is "
            "another catalog's. Give that one (catalog=), or another place."
        )
