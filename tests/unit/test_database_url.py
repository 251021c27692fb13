"""Which address of a database is taken, and how long a server that does not answer is waited for."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.db.utils import ConnectionHandler

from observatory import database


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "DATABASE_URL is no address that can be read: use sqlite:"),
        ("hidden", "is no address"),
        ("mysql://me:hidden@h/name", "is no address"),
        ("sqlite://hidden.sqlite3", "is no address"),
        ("postgres://me:hid/den@h/name", "special characters of the password as %xx"),
        ("sqlite:////no/such/folder/site.sqlite3", "a file in /no/such/folder, which is no folder"),
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence(url: str, said: str) -> None:
    """It says what is accepted, and shows nothing of what may be a password."""
    with pytest.raises(ImproperlyConfigured) as refused:
        database.named_by(url)
    assert said in str(refused.value)
    assert "hid" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_addresses_are_taken() -> None:
    """A path, absolute or relative, and a server with a password."""
    assert database.named_by("sqlite:////tmp/site.sqlite3")["NAME"] == "/tmp/site.sqlite3"
    assert database.named_by("sqlite:///site.sqlite3")["NAME"] == "site.sqlite3"
    server = database.named_by("postgres://me:p%40w@db:5433/site")
    assert (server["HOST"], server["PORT"], server["PASSWORD"], server["NAME"]) == ("db", 5433, "p@w", "site")


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that accepts connections and says nothing."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield silent.getsockname()[1]


def connection_to(port: int, **options: Any) -> Any:
    """A connection of Django's to a server on this machine."""
    settings = database.named_by(f"postgres://me:hidden@127.0.0.1:{port}/site")
    return ConnectionHandler({"default": {**settings, "OPTIONS": options}})["default"]


def test_a_server_that_does_not_answer_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that accepts the connection and is silent is named after two seconds, here less."""
    assert database.SECONDS == 2
    monkeypatch.setattr(database, "SECONDS", 0.2)
    with silent_server() as port:
        started = time.monotonic()
        said = database.problem(connection_to(port))
        assert time.monotonic() - started < 1.5
    assert said == f"PostgreSQL cannot open the database site at 127.0.0.1:{port}: no answer within 0.2 s."


def test_a_command_does_not_wait_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found out before it began is its error, at once, although there is a pool; later it asks again."""
    monkeypatch.setattr(database, "SECONDS", 0.2)
    with silent_server() as port:
        connection = connection_to(port, pool=True)
        asked: list[Any] = []
        monkeypatch.setattr(type(connection), "get_new_connection", lambda _, parameters: asked.append(parameters))
        started = time.monotonic()
        said = database.hurry(connection)
        with pytest.raises(OperationalError, match=said):
            connection.get_new_connection(connection.get_connection_params())
        assert time.monotonic() - started < 1.5
    assert asked == []
    monkeypatch.setattr(time, "monotonic", lambda: started + 15)
    connection.get_new_connection(connection.get_connection_params())
    assert [(one["connect_timeout"], one.get("pool")) for one in asked] == [(1, None)]


def test_sqlite_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    """A folder, a file that is no database, and a database in memory; a good one is no problem."""
    (tmp_path / "text").write_text("not a database " * 100)

    def problem(name: str) -> str:
        return database.problem(ConnectionHandler({"default": database.named_by(f"sqlite:///{name}")})["default"])

    assert "unable to open database file" in problem(str(tmp_path))
    assert "file is not a database" in problem(str(tmp_path / "text"))
    assert "in memory" in problem(":memory:")
    assert problem(str(tmp_path / "new.sqlite3")) == ""


def test_other_logs_get_an_alias_each_and_are_only_read() -> None:
    """SQLite's files are opened for reading alone; what is no address is left for the system check to name."""
    given = {
        "b.example": {"database": "sqlite:////tmp/b.sqlite3", "url": "https://b.example/"},
        "c.example": {"database": "postgres://reader:secret@db:5433/c?sslmode=require"},
        "d.example": "nonsense",
    }
    databases, logs = database.databases_of_logs(given)
    assert databases["log1"]["NAME"] == "file:/tmp/b.sqlite3?mode=ro"
    assert databases["log2"]["OPTIONS"] == {"connect_timeout": 3, "sslmode": "require"}
    assert logs == {
        "b.example": {"database": "log1", "url": "https://b.example/"},
        "c.example": {"database": "log2"},
        "d.example": "nonsense",
    }
    with pytest.raises(ImproperlyConfigured, match="LOGS is no address"):
        database.databases_of_logs({"b.example": {"database": "b"}})
