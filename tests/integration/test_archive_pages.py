"""Pages read on into the archive: what was pruned into it is shown where it was, and said to be from there."""

from __future__ import annotations

import sys
from datetime import timedelta
from threading import Event

import pytest
from django.utils.dateparse import parse_datetime

from signal_log import clock, context
from signal_log.models import SignalEvent
from signal_log.seal.iceberg.conditions import Conditions
from signal_log.show.query import archived
from tests.integration.pruned_into_archive import ada_of, archive
from tests.sealed import sql, unguarded

pytestmark = pytest.mark.django_db

SEARCHING = "signal_log.seal.iceberg.searching"


@pytest.fixture
def ada(settings, tmp_path, monkeypatch):
    """Somebody whose first events are in the archive."""
    return ada_of(settings, tmp_path / "archive", monkeypatch)


def text(answer) -> str:
    """A page's text."""
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_history_goes_on_in_the_archive(ada, admin_client):
    """Page by page, nothing twice and nothing left out, by filter too, and each page says what is from where."""
    asked = f"/events/?object=auth.User/{ada.pk}&every=1"
    page = text(admin_client.get(asked))
    assert f"read from the archive {ada.folder}" in page
    assert page.count("Augusta Ada") >= 1
    answer = admin_client.get(asked)
    ids = [event.pk for event in answer.context["page"].events]
    assert len(ids) == len(set(ids)) == 7
    assert ids == sorted(ids, reverse=True)
    assert SignalEvent.objects.filter(pk__in=ids).count() == 2
    step = admin_client.get(f"{asked}&before={ids[3]}").context["page"]
    assert [event.pk for event in step.events] == ids[4:]
    up = admin_client.get(f"{asked}&after={ids[-1]}").context["page"]
    assert [event.pk for event in up.events] == ids[:-1]
    narrowed = admin_client.get(f"{asked}&new=Augusta").context["page"]
    assert [event.pk for event in narrowed.events] == ids[4:6]
    found = text(admin_client.get(f"/events/{ids[-1]}/"))
    assert "ada" in found
    assert f"This event was read from the archive {ada.folder}: it was pruned from the log" in found
    assert "read from the archive" not in text(admin_client.get(f"/events/{ids[0]}/"))


def test_a_story_and_a_moment_go_on_in_the_archive(ada, admin_client):
    """Back to the creation; and what a row held while all of its events of then are archived."""
    story = admin_client.get(ada.url)
    assert "read from the archive" in text(story)
    own = [line for line in story.context["parts"][0].lines if line.is_own]
    assert [line.event.created for line in own] == [False, False, False, True]
    then = admin_client.get(f"{ada.url}?at={ada.moment.isoformat().replace('+00:00', 'Z')}")
    assert "read from the archive" in text(then)
    fields = {known.name: known.value.text for known in then.context["state"].fields}
    assert fields["first_name"] == "Augusta Ada"
    assert fields["username"] == "ada"


def names(answer) -> list[str]:
    """The first names that the operations of a page have set."""
    changes = [line.event.changes for line in answer.context["parts"][0].lines]
    return [one["first_name"][1] for one in changes if "first_name" in one]


def test_an_account_s_page_and_report_go_on_in_the_archive(ada, admin_client):
    """What it did, also where the table has nothing of that any more; a report of it, and of what was done to it."""
    url = f"/actors/{ada.pk}/"
    page = admin_client.get(url)
    assert f"read from the archive {ada.folder}" in text(page)
    assert names(page) == ["Augusta Ada"]
    with context(actor=ada):
        ada.first_name = "Ada"
        ada.save()
    page = admin_client.get(url)
    assert names(page) == ["Ada", "Augusta Ada"]
    for address, number in ((url, 4), (ada.url, 5)):
        answer = admin_client.get(f"{address}?format=report")
        assert "read from the archive" in text(answer)
        assert answer.context["number"] == number
    assert admin_client.get("/actors/4711/").status_code == 404
    ada.folder.rename(ada.folder.with_name("away"))
    answer = admin_client.get("/actors/4711/")
    assert answer.status_code == 503
    assert "older events are in the archive, which was not read. There is no archive" in answer.content.decode()
    assert "Older events are in the archive, which was not read" in text(admin_client.get(f"{url}?format=report"))


def test_programs_are_given_what_is_archived(ada, admin_client):
    """The newest at once; then page by page, nothing twice and nothing left out, and what is from where."""
    asked = f"/events/?object=auth.User/{ada.pk}&format=json"
    newest = admin_client.get(asked).json()
    assert [newest["archived"], len(newest["events"])] == [None, 2]
    before = newest["events"][-1]["id"]
    assert newest["older"] == before
    older = admin_client.get(f"{asked}&before={before}").json()
    assert older["archived"] == {"place": str(ada.folder), "events": 5, "problem": ""}
    assert older["older"] is None
    ids = [event["id"] for event in (*newest["events"], *older["events"])]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == 7
    step = admin_client.get(f"{asked}&before={before}&size=2").json()
    assert [event["id"] for event in step["events"]] == ids[2:4]
    assert step["older"] == ids[3]
    ada.folder.rename(ada.folder.with_name("away"))
    assert "There is no archive" in admin_client.get(f"{asked}&before={before}").json()["archived"]["problem"]
    assert admin_client.get(asked).json()["archived"] is None


def test_what_is_counted_begins_behind_the_archive(ada, admin_client):
    """The chart of a span that begins before says that it has not all; one that begins later has."""
    whole = admin_client.get("/events/?format=facets&since=2020-01-01").json()
    assert whole["complete"] is False
    assert parse_datetime(whole["since"]) > ada.moment
    lately = (clock.now() - timedelta(minutes=5)).isoformat()
    assert admin_client.get("/events/", {"format": "facets", "since": lately}).json()["complete"] is True
    assert admin_client.get("/events/?format=counts").json()["complete"] is True


def test_the_admin_leads_to_the_page_that_reads_the_archive(ada, admin_client):
    """From the address that an event had in the admin while the table had it; of others it says what it always says."""
    oldest = admin_client.get("/events/?every=1").context["page"].events[-1].pk
    answer = admin_client.get(f"/admin/signal_log/signalevent/{oldest}/change/")
    assert (answer.status_code, answer.url) == (302, f"/events/{oldest}/")
    for other in (oldest + 10**6, "no"):
        assert admin_client.get(f"/admin/signal_log/signalevent/{other}/change/").url == "/admin/"


def test_an_archive_that_is_away_is_said_and_costs_nothing_else(ada, admin_client, settings, monkeypatch):
    """Gone, slow or busy: the page shows what the table has, with a sentence, and in time."""
    ada.folder.rename(ada.folder.with_name("away"))
    page = text(admin_client.get(ada.url))
    assert f"Older events are in the archive, which was not read. There is no archive in {ada.folder}" in page
    assert "Ada King" in page
    gate = Event()
    with monkeypatch.context() as slow:
        slow.setattr(archived, "SECONDS", 0)
        slow.setattr(archived, "open_archive", lambda *_: gate.wait(60))
        assert "did not answer within 0 seconds." in text(admin_client.get("/events/"))
        gate.set()
    monkeypatch.setattr(archived._free, "acquire", lambda blocking: False)
    assert "is being read by others at the moment. Reload the page." in text(admin_client.get("/events/"))
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "ARCHIVE": None}
    assert "archive, which" not in text(admin_client.get("/events/"))


def test_what_only_the_archive_may_have_is_not_said_to_be_absent(ada, admin_client):
    """An event and an object of which nothing is in the table: 503 with the reason, while the archive is away."""
    oldest = admin_client.get("/events/?every=1").context["page"].events[-1].pk
    ada.folder.rename(ada.folder.with_name("away"))
    for address, words in (
        ("/objects/auth.User/4711/", "older ones are in the archive, which was not read."),
        (f"/events/{oldest}/", f"It is in the archive {ada.folder}"),
    ):
        answer = admin_client.get(address)
        page = answer.content.decode()
        assert answer.status_code == 503
        assert ">503<" in page
        assert words in page
        assert f"There is no archive in {ada.folder}" in page
    assert admin_client.get(f"/events/{oldest + 10**6}/").status_code == 404
    ada.folder.with_name("away").rename(ada.folder)
    assert admin_client.get("/objects/auth.User/4711/").status_code == 404


def test_a_lost_event_that_the_archive_has_is_shown_with_a_warning(ada, admin_client):
    """As of a partition that somebody dropped by hand: what it was, and that nobody has pruned it."""
    lost = SignalEvent.objects.filter(object_pk=str(ada.pk), sender="auth.User").latest("pk").pk
    archive()
    unguarded()
    sql("DELETE FROM {log} WHERE id = %s", lost)
    page = text(admin_client.get(f"/events/{lost}/"))
    assert "Ada King" in page
    assert "is gone from the table, though no event of the log says that it was pruned" in page
    assert f"What stands here was read from the archive {ada.folder}" in page
    assert "This event was read from" not in page
    ada.folder.rename(ada.folder.with_name("away"))
    answer = admin_client.get(f"/events/{lost}/")
    assert answer.status_code == 404
    assert "A sealed event is missing" in answer.content.decode()


def test_imports_take_nothing_of_the_time_for_an_answer(settings, monkeypatch):
    """What the first page of a process has to import, DuckDB and Arrow, is there before the time begins."""
    settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "ARCHIVE": "/srv/archive"}
    monkeypatch.setattr(archived, "names_of_log", lambda: ["log.example/1"])
    monkeypatch.delitem(sys.modules, SEARCHING, raising=False)
    monkeypatch.delattr(SEARCHING, raising=False)
    imported = []

    def waited_for(*_: object) -> tuple[list[object], None]:
        imported.append(SEARCHING in sys.modules)
        return [], None

    monkeypatch.setattr(archived, "_waited_for", waited_for)
    archived._read(Conditions(), above=0, below=1, number=1)
    assert imported == [True]
