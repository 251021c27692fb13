"""How the seal stands, on every surface that says so: its page, an event's page, the bar, metrics and probes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection, transaction

from signal_log import clock
from signal_log.health import views
from signal_log.maintenance import maintenance
from signal_log.models import SealCheckpoint, SealTree, SealWitness, SignalEvent, Verification
from signal_log.seal.checkpoint import Checkpoint
from signal_log.seal.grow import begin_tree, checkpoint, grow
from signal_log.seal.keys.key import new_signer
from signal_log.seal.note import ED25519, Note
from signal_log.seal.rewound import GO_ON
from signal_log.show.words.sealing import sealed
from tests.integration.test_tree_in_database import store
from tests.sealed import unguarded
from tests.tail import make_observer

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

ORIGIN = "here.example/log/1"
KEY = new_signer(ORIGIN, ED25519)


@pytest.fixture
def keyed(settings: Any) -> None:
    """The log has a key, as far as the settings tell."""
    settings.SIGNAL_LOG = settings.SIGNAL_LOG | {"SEAL_KEYS": ["a.key"]}


def seal(number: int, *, signed: bool = True) -> SealTree:
    """Store so many events, and seal them."""
    store(number)
    tree = SealTree.objects.order_by("-generation").first() or begin_tree(ORIGIN)
    grow(tree, 2**62)
    made = checkpoint(tree)
    assert made is not None
    if signed:
        text = Checkpoint(tree.origin, made.size, bytes(made.root)).text
        made.note = Note(text, (KEY.sign(text),)).encode().decode()
        made.save()
    return tree


def verified(verdict: str, findings: list[Any]) -> None:
    """As ``signal_verify`` leaves it."""
    now = clock.now()
    Verification.objects.create(begun_at=now, ended_at=now, verdict=verdict, whole=True, size=3, findings=findings)


def stand(client: Any) -> tuple[str, str]:
    """The word and the sentence on top of the page."""
    page = client.get("/seals/").content.decode()
    word, sentence = re.search(r'class="standing (\w+)".*?<span class="value">(.*?)</span>', page).groups()
    return word, sentence


def test_nothing_is_sealed(admin_client):
    """It says how to begin."""
    page = admin_client.get("/seals/").content.decode()
    assert "Nothing is sealed yet" in page
    assert admin_client.get("/seals/?format=json").json()["standing"] == "nothing"


def test_an_unsigned_tree_says_so_everywhere(admin_client):
    """On the page, in JSON, in the metrics, on an event's page."""
    tree = seal(3, signed=False)
    word, sentence = stand(admin_client)
    assert word == "unsigned"
    assert "SEAL_KEYS names no key" in sentence
    assert admin_client.get("/seals/?format=json").json()["signed_size"] == 0
    assert "signal_log_signed_events 0.0" in admin_client.get("/metrics").content.decode()
    assert "not signed yet" in admin_client.get(f"/events/{tree.last_id}/").content.decode()


def test_a_sealed_log(admin_client, keyed):
    """What waits is said, and that everything else is signed."""
    tree = seal(3)
    size = tree.size
    assert stand(admin_client) == ("sealed", f"{size} events sealed and signed.")
    events = store(1)
    assert stand(admin_client) == ("sealed", f"{size} events sealed and signed; 1 newer event waiting.")
    told = admin_client.get("/seals/?format=json").json()
    assert (told["size"], told["signed_size"], told["waiting"]) == (size, size, 1)
    assert told["root"] == bytes(tree.root).hex()
    assert told["checkpoints"] == [
        {"number": 1, "size": size, "root": told["root"], "made_at": told["signed_at"], "signed_by": [ORIGIN]}
    ]
    page = admin_client.get(f"/events/{events[1].pk}/").content.decode()
    assert "Index 1 of" in page
    assert "signed in checkpoint 1" in page
    assert "Not sealed yet" in admin_client.get(f"/events/{events[-1].pk}/").content.decode()
    measured = admin_client.get("/metrics").content.decode()
    for line in (f"sealed_events {size}.0", f"signed_events {size}.0", "unsealed_events 1.0", "seal_stopped 0.0"):
        assert f"\nsignal_log_{line}\n" in measured


@pytest.mark.django_db(transaction=True)
def test_the_probe_says_it_in_a_word(client, keyed, monkeypatch):
    """Nobody who asks needs to log in, and no number is told."""
    monkeypatch.setattr(views, "LONGEST_WAIT", 60)  # however busy the machine is
    assert client.get("/readyz").json()["seal"] == "nothing"
    seal(3)
    assert client.get("/readyz").json()["seal"] == "sealed"
    SealTree.objects.update(state="stopped", problem="7 sealed events are missing.")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["seal"]) == (200, "stopped")
    assert b"7" not in answer.content


def test_an_event_that_is_no_leaf_though_it_should_be(admin_client):
    """As one that was altered together with its digest."""
    seal(3)
    event = SignalEvent.objects.order_by("pk")[1]
    event.digest = bytes(32)
    found = sealed(event)
    assert (found.place, found.is_waiting) == (None, False)


FOUND = "Event 2 <b>was modified</b>."


@pytest.mark.parametrize("finding", [FOUND, {"kind": "modified", "text": FOUND}])
def test_a_verification_that_found_something_is_said_on_every_page(admin_client, keyed, finding):
    """Escaped; and no longer once the newest one is intact."""
    seal(3)
    verified("tampered", [finding])
    assert stand(admin_client)[0] == "tampered"
    page = admin_client.get("/seals/").content.decode()
    assert "Event 2 &lt;b&gt;was modified&lt;/b&gt;." in page
    for address in ("/", "/events/", "/traces/", "/receivers/", "/admin/signal_log/signalevent/"):
        assert "changed behind the recorder" in admin_client.get(address).content.decode(), address
    verified("intact", [])
    for address in ("/", "/events/", "/admin/signal_log/signalevent/"):
        assert "changed behind the recorder" not in admin_client.get(address).content.decode(), address


def test_a_stopped_tree_is_said_on_every_page(admin_client, keyed, client):
    """With the reason; nobody else is told."""
    seal(3)
    SealTree.objects.update(state="stopped", problem="The log was rewound: 7 sealed events are missing.")
    assert stand(admin_client) == ("stopped", "Sealing has stopped. The log was rewound: 7 sealed events are missing.")
    for address in ("/", "/events/", "/admin/signal_log/signalevent/"):
        assert "7 sealed events are missing" in admin_client.get(address).content.decode(), address
    assert "sealed events" not in client.get("/accounts/login/").content.decode()


def test_witnesses(admin_client, keyed):
    """One that is down is said, here and in the metrics."""
    tree = seal(3)
    for name, problem in (("w.example/up", ""), ("w.example/down", "It did not answer.")):
        SealWitness.objects.create(tree=tree, name=name, url="https://w", size=3, tried_at=clock.now(), problem=problem)
    page = admin_client.get("/seals/").content.decode()
    assert "It did not answer." in page
    measured = admin_client.get("/metrics").content.decode()
    assert 'signal_log_witness_up{witness="w.example/up"} 1.0' in measured
    assert 'signal_log_witness_up{witness="w.example/down"} 0.0' in measured


def test_many_checkpoints_in_pages(admin_client, keyed):
    """Newest first; whatever else is asked for is the newest page."""
    tree = seal(1)
    SealCheckpoint.objects.all().delete()
    SealCheckpoint.objects.bulk_create(
        SealCheckpoint(tree=tree, number=n, size=n, root=bytes(32), made_at=clock.now()) for n in range(1, 66)
    )

    def numbers(address: str) -> tuple[list[int], list[str]]:
        page = admin_client.get(address).content.decode()
        return [int(n) for n in re.findall(r'<tr><td data-label="Number" class="num">(\d+)</td>', page)], re.findall(
            r'href="(\S+before=\d+)"', page
        )

    first, (older,) = numbers("/seals/")
    assert first == list(range(65, 35, -1))
    second, (oldest,) = numbers(older)
    assert second == list(range(35, 5, -1))
    assert numbers(oldest) == ([5, 4, 3, 2, 1], [])
    assert numbers("/seals/?before=nonsense")[0] == first


def test_while_sealing_has_stopped_nothing_is_green(admin_client, keyed):
    """Neither a witness nor a verification from before; commands are without the marks of a terminal."""
    tree = seal(3)
    verified("intact", [])
    SealWitness.objects.create(tree=tree, name="w.example/1", url="https://w.example/", size=3, tried_at=clock.now())
    green = re.compile(r'<span class="kind created">')
    assert len(green.findall(admin_client.get("/seals/").content.decode())) == 3
    SealTree.objects.update(state="stopped", problem="Rows are missing. Run `manage.py signal_verify`.")
    page = admin_client.get("/seals/").content.decode()
    assert not green.search(page)
    assert "a restored one is older than what was sealed" in page
    assert "`" not in page


def test_an_event_that_was_sealed_and_is_gone(admin_client):
    """The tree knows that it was there, and where; nothing is claimed of what a prune names, or was never sealed."""

    def of(number: int) -> str:
        answer = admin_client.get(f"/events/{number}/")
        assert answer.status_code == 404
        return " ".join(answer.content.decode().split())

    tree = seal(9)
    first, *_, last = SignalEvent.objects.filter(pk__lte=tree.last_id).values_list("pk", flat=True).order_by("pk")
    index = {pk: at for at, pk in enumerate(range(first, last + 1))}
    assert SignalEvent.objects.filter(pk__lte=tree.last_id).count() == len(index)
    assert "none of that number was sealed" in of(last + 1000)
    assert "is no number of an event" in of(10**19 - 1)
    unguarded()
    for gone in (first + 2, first + 3, last):
        SignalEvent.objects.filter(pk=gone)._raw_delete("default")
    for gone in (first + 2, first + 3, last):
        assert "A sealed event is missing" in of(gone)
        assert f"Event {gone} was sealed at index {index[gone]}, and is gone" in of(gone)
    with (
        transaction.atomic(),
        maintenance(connection, "signal_prune", why="a test", rows={"events": f"{first + 2}-{first + 3}"}),
    ):
        pass
    by = SignalEvent.objects.latest("pk")
    assert f"Event {first + 3} was pruned on " in of(first + 3)
    assert f"by event {by.pk}." in of(first + 3)


def test_an_id_that_was_never_used_is_no_alarm(admin_client):
    """As of an event that was rolled back; a leaf beside it that is missing is not taken for it without a word."""
    before = {event.pk for event in store(4)}
    unused = max(before)
    unguarded()
    SignalEvent.objects.filter(pk=unused)._raw_delete("default")
    store(3)
    tree = begin_tree(ORIGIN, after_id=0)
    grow(tree, 2**62)
    if SignalEvent.objects.filter(pk=unused).exists():  # SQLite has given it to the next
        return
    assert "was never sealed under that number" in admin_client.get(f"/events/{unused}/").content.decode()
    SignalEvent.objects.filter(pk=unused - 1)._raw_delete("default")
    page = admin_client.get(f"/events/{unused}/").content.decode()
    assert "or a neighbour of it was" in page


def test_a_generation_that_is_closed_gives_no_advice(admin_client, keyed):
    """What was to be done then has been done; and no page shows the backticks of a terminal."""
    old = seal(1)
    SealTree.objects.filter(pk=old.pk).update(state="closed", problem=f"The log was rewound. {GO_ON}")
    now = clock.now()
    SealTree.objects.create(generation=2, origin=f"{ORIGIN[:-1]}2", root=b"", begun_at=now, grown_at=now)
    page = admin_client.get("/seals/").content.decode()
    assert "The log was rewound." in page
    assert "`" not in page
    assert "new-generation" not in page


def test_who_may_seal_goes_on_by_the_page(admin_client, client):
    """With a reason, as an event of theirs; nobody else, and not while the log is sealed."""
    old = seal(2, signed=False)
    assert "Sealing is not stopped" in admin_client.post("/seals/", {"reason": "why not"}).text
    SealTree.objects.update(state="stopped", problem="The log was rewound.")
    assert "Go on without what is missing" in admin_client.get("/seals/").text
    client.force_login(make_observer("viewer"))
    assert "Go on without" not in client.get("/seals/").text
    refused = client.post("/seals/", {"reason": "why not"})
    assert (refused.status_code, "signal_log.seal_signalevent" in refused.text) == (403, True)
    missing = admin_client.post("/seals/", {"reason": " . "})
    assert (missing.status_code, "needs a reason" in missing.text) == (400, True)
    assert SealTree.objects.count() == 1
    assert admin_client.post("/seals/", {"reason": "the disk died"}).status_code == 302
    old.refresh_from_db()
    assert (old.state, SealTree.objects.get(generation=2).state) == ("closed", "growing")
    told = SignalEvent.objects.get(signal="signal_log.sealed")
    assert (told.labels["reason"], told.actor_repr, told.path) == ("the disk died", "admin", "/seals/")
