"""Chooses the database of a test run before Django reads its settings: `--database sqlite|postgres`.

Loaded by `-p` in pyproject.toml, because a conftest is read after pytest-django has loaded the settings.
With xdist only the first process starts PostgreSQL; the workers inherit its address, and pytest-django
gives each of them a database of its own.
"""

import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CHOICES = ("sqlite", "postgres")
# Set by the first process, read by the workers it starts.
POSTGRES_URL = "OBSERVATORY_TEST_POSTGRES_URL"
SETTINGS = {
    "SECRET_KEY": "for-the-tests-only-" + "0123456789abcdef" * 3,
    "HTTPS": "0",
    "DEBUG": "0",
}
# A test that uses none of these cannot reach the run's database: pytest-django refuses every query.
DATABASE_FIXTURES = {"db", "transactional_db", "database", "postgres_url"}
_stack: list[object] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option; TEST_DATABASE sets it too."""
    parser.addoption(
        "--database",
        choices=CHOICES,
        default=os.environ.get("TEST_DATABASE", "sqlite"),
        help="database of the tests that use one: sqlite (default) or postgres, a real one",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Set the environment that the settings are read from, and give SQLite a real file."""
    let_children_be_interrupted()
    database = early_config.known_args_namespace.database
    for name in ("REDIS_URL", "EMAIL_URL", "ALLOWED_HOSTS", "DEBUG_TOOLBAR"):
        os.environ.pop(name, None)
    os.environ.update(SETTINGS)
    if database == "postgres":
        os.environ["DATABASE_URL"] = postgres_url()
    else:
        folder = tempfile.mkdtemp(prefix="observatory-sqlite-")
        early_config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        os.environ["DATABASE_URL"] = f"sqlite:///{folder}/observatory.sqlite3"
    result = yield
    if database == "sqlite":
        use_a_file(Path(folder))
    return result


def let_children_be_interrupted() -> None:
    """Make the tests' processes react to SIGINT and SIGHUP, even if this one ignores them: `nohup make test &`.

    A child process inherits that a signal is ignored, but not a handler; the handler set here does nothing.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def postgres_url() -> str:
    """Return the address of the run's PostgreSQL, which the first process that asks starts."""
    if POSTGRES_URL not in os.environ:
        from tests.servers.postgres import Postgres

        server = Postgres()
        _stack.append(server)
        os.environ[POSTGRES_URL] = server.create_database("observatory")
    return os.environ[POSTGRES_URL]


def use_a_file(folder: Path) -> None:
    """Use a file for tests, as an installation does: in memory there is no WAL and no second process."""
    from django.conf import settings

    test = settings.DATABASES["default"].setdefault("TEST", {})
    test["NAME"] = test.get("NAME") or str(folder / "test.sqlite3")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what belongs to the run on the other database, so that nothing is skipped and nothing runs twice."""
    belongs = belongs_to_postgres if config.getoption("database") == "postgres" else belongs_to_sqlite
    config.hook.pytest_deselected(items=[item for item in items if not belongs(item)])
    items[:] = [item for item in items if belongs(item)]
    if any(item.get_closest_marker("long") for item in items):
        items.sort(key=turn(items))


def turn(items: list[pytest.Item]) -> Callable[[pytest.Item], tuple[bool, int]]:
    """Return what orders tests so that all processes end together: long files first, then those of many tests.

    A process of xdist runs the tests of a file one after the other (`--dist loadfile`).
    """
    long = {item.path for item in items if item.get_closest_marker("long")}
    number = Counter(item.path for item in items)
    return lambda item: (item.path not in long, -number[item.path])


def belongs_to_sqlite(item: pytest.Item) -> bool:
    """Return whether a test runs on SQLite: all but those that need PostgreSQL."""
    return item.get_closest_marker("postgresql") is None


def belongs_to_postgres(item: pytest.Item) -> bool:
    """Return whether a test runs on PostgreSQL: all that need it or reach a database, unless the same on each."""
    if item.get_closest_marker("postgresql"):
        return True
    reaches = item.get_closest_marker("django_db") or DATABASE_FIXTURES & set(getattr(item, "fixturenames", ()))
    return bool(reaches) and item.get_closest_marker("one_database") is None


def pytest_report_header(config: pytest.Config) -> str:
    """Name the database of this run in the first lines."""
    return f"database: {config.getoption('database')}"


def pytest_unconfigure() -> None:
    """Stop what this process started."""
    while _stack:
        _stack.pop().close()  # type: ignore[attr-defined]
        os.environ.pop(POSTGRES_URL, None)
