"""``signal_tail``: how the log is told, to people and to programs, and what can be asked for."""

from __future__ import annotations

import io
import json
import os
import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from signal_log import clock
from signal_log.show.terminal import Teller
from tests.factories import event_value, make_event
from tests.integration.tail_told import TRACE, cascade, ended, run


@pytest.mark.django_db
def test_a_cascade_is_indented_below_its_cause_and_ends_with_the_trace(settings):
    settings.TIME_ZONE = "UTC"
    cascade()
    ended(failed=1)
    assert run()[0].splitlines() == [
        "14:02:31.090 POST /accounts/profile/ · grace · trace 0000abcd",
        '  ~  updated users.Profile 17 ada   name "Ada" → "Ada L."   users/forms.py:83 in save',
        '  ~  └ sync_user → updated auth.User 1 ada   first_name "Ada" → "Ada L."',
        "  =  302 in 31.0 ms · 2 operations · 1 failed",
    ]


@pytest.mark.django_db
def test_json_has_nothing_but_lines_of_json_each_an_event_of_the_log():
    event = make_event(object_repr="\x1b[31mred\x07\x9b\u202e", trace_id=TRACE)
    ended()
    out, _ = run("--json")
    (line,) = out.splitlines()
    assert not set(line) & {"\x1b", "\x9b", "\u202e"}
    told = json.loads(line)
    assert (told["id"], told["object_repr"], told["trace_id"]) == (
        event.pk,
        "\x1b[31mred\x07\x9b\u202e",
        str(TRACE),
    )


@pytest.mark.django_db
def test_hostile_text_does_not_reach_the_terminal():
    make_event(
        object_repr="\x1b[2J\x9b31m", path="/\x1b]0;x\x07", actor_repr="\u202eroot", changes={"a\x1b": ["\x1b", 1]}
    )
    out, _ = run()
    assert not set(out) & {"\x1b", "\x9b", "\x07", "\u202e"}


@pytest.mark.django_db
def test_filters_and_ages_select():
    old = make_event(occurred_at=clock.now() - timedelta(hours=3))
    new = make_event(sender="shop.Item", occurred_at=clock.now() - timedelta(minutes=5))
    ids = lambda *given: [json.loads(line)["id"] for line in run("--json", *given)[0].splitlines()]  # noqa: E731
    assert ids() == [old.pk, new.pk]
    assert ids("--since", "10m") == [new.pk]
    assert ids("--since", "1d", "--sender", "auth.User") == [old.pk]
    assert ids("--sender", "!auth.User") == [new.pk]
    out, err = run("--since", "1m")
    assert (out, err) == ("", "Nothing since 1m.\n")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "said"),
    [(["--since", "soon"], "'since' must be a date or a time"), (["--since", "999999w"], "'since' must be a date"),
     (["--took", "<721h"], "'took' is a time of 30 days at most"), (["--slow", "fast"], "'slow' must be a duration"),
     (["--outcome", "lost"], "Filter 'outcome' must be one of")],
)  # fmt: skip
def test_what_cannot_be_understood_is_said_in_a_sentence(given, said):
    with pytest.raises(CommandError, match=said) as raised:
        run(*given)
    assert raised.value.returncode == 2


@pytest.mark.django_db
def test_slow_tells_only_traces_that_took_long():
    other = uuid.uuid4()
    cascade()
    make_event(trace_id=other)
    ended()
    ended(other, duration_us=100_000)
    told = [json.loads(line)["trace_id"] for line in run("--json", "--slow", "100ms")[0].splitlines()]
    assert told == [str(other)]


def test_what_comes_later_of_a_trace_is_told_in_its_place():
    teller = Teller(narrow=True)
    one, other = (str(uuid.uuid4()) for _ in range(2))
    first = list(teller.events([event_value(trace_id=one, position=p, operation=1) for p in (1, 2)]))
    list(teller.events([event_value(trace_id=other)]))
    again = list(
        teller.events([event_value(trace_id=one, position=4, operation=3, parent_position=2, caused_by="a.sync")])
    )
    assert first[0].endswith("POST /accounts/profile/ grace")
    assert first[1] == ' ~ User ada  first_name → "Augusta"'
    assert again[0].endswith("(continued)")
    assert again[1] == ' ~ └ sync → User ada  first_name → "Augusta"'


def test_colour_never_stands_alone():
    (head, line) = Teller(colour=True).events([event_value(outcome="failed", error="ValueError: no")])
    assert head.startswith("\x1b[1m")
    assert line == "  \x1b[1;31m!\x1b[0m  \x1b[1;31mfailed to save auth.User 1 ada   ValueError: no\x1b[0m"


@pytest.mark.django_db
def test_a_filter_that_can_match_nothing_is_told_with_what_was_meant():
    """On standard error, beside what is told; names that events or observed models have are none of them."""
    make_event(sender="shop.Gone", source="my-import")
    _, said = run("--sender", "shop.itm", "--sender", "!Nope", "--signal", "post_sav", "--source", "bananas")
    no_model = "no observed model has this label, and no event does."
    assert [line for line in said.splitlines() if line.startswith("Nothing ") and ": " in line] == [
        f"Nothing can match --sender shop.itm: {no_model} Did you mean 'shop.Item'?",
        f"Nothing is excluded by --sender !Nope: {no_model}",
        "Nothing can match --signal post_sav: no recent event has it, and nothing makes one. Did you mean 'post_save'?",
        "Nothing can match --source bananas: no recent event has it, and nothing makes one.",
    ]
    assert "--sender shop.Note: that model is not observed." in run("--sender", "shop.Note")[1]
    good = (
        "--sender",
        "shop.Item",
        "--sender",
        "shop.Gone",
        "--signal",
        "silent_update",
        "--source",
        "command:loaddata",
    )
    assert "can match" not in run(*good, "--source", "my-import", "--source", "task")[1]
    err = io.StringIO()
    call_command("signal_export", "--sender", "shop.itm", "--output", os.devnull, "--overwrite", stderr=err)
    assert "Did you mean 'shop.Item'?" in err.getvalue()
