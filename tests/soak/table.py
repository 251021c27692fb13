"""What the log's database says by plain SQL: the truth with which all else is compared."""

from __future__ import annotations

import psycopg

from tests.soak.ids import Ids

_ABOUT = """SELECT signal, sender, object_pk, outcome, to_char(occurred_at, 'HH24:MI:SS.MS')
            FROM signal_log_signalevent WHERE id = %s"""


class Table:
    """The log of an installation."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ids(self, above: int = 0) -> list[int]:
        """The events there are."""
        with psycopg.connect(self._url) as connection:
            rows = connection.execute("SELECT id FROM signal_log_signalevent WHERE id > %s ORDER BY id", [above])
            return [number for (number,) in rows]

    def all(self) -> Ids:
        """The same, as a set."""
        return Ids(self.ids())

    def count(self) -> int | None:
        """How many there are; None while the database does not answer."""
        try:
            with psycopg.connect(self._url, connect_timeout=2) as connection:
                row = connection.execute("SELECT count(*) FROM signal_log_signalevent").fetchone()
                return int(row[0]) if row else 0
        except psycopg.Error:
            return None

    def about(self, number: int) -> str:
        """An event, for people."""
        with psycopg.connect(self._url) as connection:
            row = connection.execute(_ABOUT, [number]).fetchone()
        return f"{number} ({' '.join(row)})" if row else str(number)

    def sealed(self, witness: str) -> tuple[int, int, bool]:
        """How many events there are, how many leaves, and whether a checkpoint of all has the witness's signature."""
        with psycopg.connect(self._url) as connection:
            (events,) = connection.execute("SELECT count(*) FROM signal_log_signalevent").fetchone() or (0,)
            (leaves,) = connection.execute("SELECT coalesce(sum(size), 0) FROM signal_log_sealtree").fetchone() or (0,)
            newest = connection.execute("SELECT size, note FROM signal_log_sealcheckpoint ORDER BY number DESC LIMIT 1")
            size, note = newest.fetchone() or (0, "")
        return int(events), int(leaves), size == events and f"— {witness} " in note
