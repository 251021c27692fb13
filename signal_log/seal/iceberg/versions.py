"""Removes an archive's files from storage with every version of them, and says what keeps it from that (no Django).

A bucket with versions, and each one with object lock, only marks a removed object: its bytes are there until somebody
removes that very version, which a lock forbids until its date.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

KINDS: Final = (".parquet", ".avro")
"""The files that may hold what was removed."""
_UNSUPPORTED: Final = ("NotImplemented", "MethodNotAllowed")
_PROPERTIES: Final = {
    "s3.access-key-id": "aws_access_key_id", "s3.secret-access-key": "aws_secret_access_key",
    "s3.session-token": "aws_session_token", "s3.region": "region_name", "s3.endpoint": "endpoint_url",
}  # fmt: skip


@dataclass(slots=True)
class Kept:
    """What could not be removed."""

    files: int = 0
    until: datetime | None = None
    """When the last lock ends; None if there is none, or it has no date."""
    is_held: bool = False
    """Whether the storage has a legal hold on one."""
    refused: str = ""
    """What else the storage said, where it refused for no lock."""

    def __str__(self) -> str:
        """Why, and what to do, in a sentence; empty if everything is gone."""
        if not self.files:
            return ""
        what = "a removed file's bytes" if self.files == 1 else f"the bytes of {self.files:,} removed files"
        if self.is_held:
            return f"its storage keeps {what} under a legal hold: when that is released, signal_archive removes them."
        if self.until is not None:
            until = f"{self.until:%Y-%m-%d %H:%M} UTC"
            return f"its storage has locked {what} until {until}: signal_archive removes them after that."
        return (
            f"its storage keeps {what}, and refused to remove every version of them ({self.refused}): allow the key "
            "that is used s3:DeleteObjectVersion, and run signal_archive."
        )


class Storage:
    """A bucket, spoken to as its own clients do: what Arrow has no words for."""

    def __init__(self, properties: Mapping[str, Any], bucket: str, seconds: int) -> None:
        given = {ours: properties[name] for name, ours in _PROPERTIES.items() if properties.get(name)}
        style = {} if "endpoint_url" not in given else {"addressing_style": "path"}
        config = Config(connect_timeout=seconds, read_timeout=seconds, retries={"max_attempts": 2}, s3=style)
        self._client: Any = Session().create_client("s3", config=config, **given)
        self._bucket = bucket

    def remove_all_but(self, current: Collection[str], prefix: str) -> Kept | None:
        """Remove every version of a file below a prefix that is not the newest one of these keys.

        None, and nothing done, where the storage knows no versions. Raises what the client raises where it does not
        answer, or does not let us ask.
        """
        try:
            removed = list(self._removed(prefix, current))
        except ClientError as error:
            if _code(error) in _UNSUPPORTED:
                return None
            raise
        kept = Kept()
        for key, versions, markers in removed:
            left = [one for one in versions if not self._removes(key, one, kept)]
            for one in markers if not left else ():  # without its marker the version below would be there again
                self._removes(key, one, kept)
        return kept

    def _removed(self, prefix: str, current: Collection[str]) -> Iterator[tuple[str, list[str], list[str]]]:
        """Each key with the versions that are to go, and the markers that it was removed."""
        found: dict[str, tuple[list[str], list[str]]] = {}
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix):
            for at, kind in enumerate(("Versions", "DeleteMarkers")):
                for one in page.get(kind, ()):
                    if one["Key"].endswith(KINDS) and not (one["IsLatest"] and one["Key"] in current):
                        found.setdefault(one["Key"], ([], []))[at].append(one["VersionId"])
        for key, (versions, markers) in found.items():
            yield key, versions, markers

    def _removes(self, key: str, version: str, kept: Kept) -> bool:
        where = {"Bucket": self._bucket, "Key": key, "VersionId": version}
        try:
            self._client.delete_object(**where)
        except ClientError as error:
            kept.files += 1
            kept.refused = _code(error)
            self._note_lock(where, kept)
            return False
        return True

    def _note_lock(self, where: Mapping[str, str], kept: Kept) -> None:
        try:
            told = self._client.head_object(**where)
        except ClientError:
            return
        kept.is_held |= told.get("ObjectLockLegalHoldStatus") == "ON"
        until = told.get("ObjectLockRetainUntilDate")
        if until is not None:
            kept.until = max(until, kept.until or until)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) or "an error without a name"
