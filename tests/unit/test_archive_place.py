"""Where an archive is: what its URL may say, and what is refused."""

import os

import pytest

from signal_log.errors import ProofError
from signal_log.seal.iceberg.place import read_place


@pytest.mark.parametrize(
    ("given", "catalog"),
    [
        ("postgresql+psycopg://host/catalog", "postgresql+psycopg://host/catalog"),
        ("postgresql%2Bpsycopg://host/catalog", "postgresql+psycopg://host/catalog"),
        ("postgresql://host/catalog", "postgresql+psycopg://host/catalog"),
        ("sqlite:////srv/a+b.db", "sqlite:////srv/a+b.db"),
        ("https://catalog.example/", "https://catalog.example/"),
    ],
)
def test_a_catalog_is_what_was_written(given, catalog):
    """A plus is a plus, escaped or not, and PostgreSQL is spoken to by the driver that is there."""
    assert read_place(f"/srv/archive?catalog={given}").catalog == catalog


@pytest.mark.parametrize(
    "given", ["rel/archive", "archive?catalog=sqlite:////srv/c.db", "file:rel/archive", "~/archive"]
)
def test_a_folder_is_given_by_its_whole_path(given, tmp_path, monkeypatch):
    """A relative one is refused, with the path that was probably meant."""
    monkeypatch.chdir(tmp_path)
    path = given.removeprefix("file:").partition("?")[0]
    meant = os.path.abspath(os.path.expanduser(path))
    with pytest.raises(ProofError) as refused:
        read_place(given)
    assert str(refused.value).endswith(f"Probably {meant} was meant.")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("sqlite:///rel/c.db", "rel/c.db"), ("sqlite://", "catalog.db"), ("sqlite:///:memory:", ":memory:"),
        ("sqlite://rel/c.db", "rel/c.db"),
    ],
)  # fmt: skip
def test_a_catalog_s_file_is_given_by_its_whole_path(given, meant, tmp_path, monkeypatch):
    """With four slashes; three are a relative one, of which there is one in each directory."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProofError) as refused:
        read_place(f"/srv/archive?catalog={given}")
    assert str(refused.value).endswith(f"Probably sqlite:///{tmp_path}/{meant} was meant.")


@pytest.mark.parametrize(
    ("catalog", "password"),
    [
        ("postgresql://u:PASSW0RD@host/catalog", "PASSW0RD"),
        ("postgresql://u@host/catalog?password=PASSW0RD", "PASSW0RD"),
        ("https://u:PASSW0RD@catalog.example/", "PASSW0RD"),
        ("postgresql://u@host/catalog", ""),
    ],
)
def test_a_password_of_the_catalog_is_found_and_not_shown(catalog, password):
    """Wherever its URL has one."""
    place = read_place(f"/srv/archive?catalog={catalog}")
    assert place.password == password
    assert "PASSW0RD" not in repr(place)
