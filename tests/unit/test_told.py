"""A cascade told line by line, wide and narrow."""

from __future__ import annotations

from signal_log.event import MASK
from signal_log.show.cascade.lines import as_text, told
from tests.story import Story


def texts(story: Story, **how) -> list[str]:
    return [f"{line.kind}: {as_text(line, **how)}" for line in told(story.cascade())]


def test_an_update_and_what_it_caused():
    story = Story()
    saved = story.save(
        "users.Profile", object_pk="17", object_repr="ada", changes={"name": ["Ada", "Ada L."]},
        call_site="users/forms.py:83 in save",
    )  # fmt: skip
    story.save("auth.User", by=saved, receiver="users.signals.sync_user", changes={"age": [None, 3], "x": [3, None]})
    assert texts(story) == [
        'updated: updated users.Profile 17 ada   name "Ada" → "Ada L."   users/forms.py:83 in save',
        "updated: └ sync_user → updated auth.User 1 ada   age → 3, x 3 → null",
    ]
    assert texts(story, narrow=True) == [
        'updated: Profile ada  name → "Ada L."',
        "updated: └ sync_user → User ada  age → 3, x → null",
    ]


def test_an_empty_text_is_no_word_and_times_are_told_as_exactly_as_they_differ():
    story = Story()
    at = "2026-11-22T18:42:"
    story.save(changes={"name": ["", "empty"], "note": ["x", ""]}, object_repr="")
    story.save(changes={"a": [f"{at}14Z", f"{at}15Z"], "b": [f"{at}14.1Z", f"{at}14.2Z"],
                        "c": [f"{at}14.123456Z", f"{at}14.123457Z"]}, object_repr="")  # fmt: skip
    exact = 'c "18:42:14.123456" → "18:42:14.123457"'
    assert texts(story) == [
        'updated: updated shop.Item 1   name "" → "empty", note "x" → ""',
        'updated: updated shop.Item 1   a "18:42:14" → "18:42:15", b "18:42:14.1" → "18:42:14.2", ' + exact,
    ]


def test_equal_neighbours_are_one_line_without_values():
    story = Story()
    for number in range(200):
        story.save(changes={"stock": [number, 0], "price": [1, 2]}, object_pk=str(number))
    assert texts(story) == ["updated: updated shop.Item × 200   stock, price"]


def test_failures_name_the_error_and_secrets_stay_masked():
    story = Story()
    story.save(outcome="failed", error="IntegrityError: UNIQUE\nconstraint", object_pk="9", object_repr="9")
    story.save(outcome="rolled_back", error="", changes={"token": [MASK, MASK]}, object_pk="", object_repr="")
    story.save(changes={str(n): [n, n + 1] for n in range(5)}, object_repr="")
    assert texts(story) == [
        "failed: failed to save shop.Item 9   IntegrityError: UNIQUE⏎constraint",
        "rolled_back: rolled back: updated shop.Item   token changed",
        "updated: updated shop.Item 1   0 0 → 1, 1 1 → 2, 2 2 → 3, +2",
    ]


def test_log_ins_are_told_in_words():
    story, signals, nothing = Story(), "django.contrib.auth.signals", {"object_pk": "", "object_repr": ""}
    story.save("auth.User", signal=f"{signals}.user_logged_in", changes={})
    tried = {"credentials": [None, {"username": "guido", "password": MASK}]}
    story.save("django.contrib.auth", signal=f"{signals}.user_login_failed", changes=tried, **nothing)
    assert texts(story) == ["signal: logged in 1 ada", "failed: log-in failed   as guido"]


def test_a_silent_write_tells_what_it_set():
    story = Story()
    story.save(signal="silent_update", object_pk="", object_repr="3 rows", changes={"price": [None, "2"]})
    assert texts(story) == ['silent: silent update of shop.Item 3 rows   price → "2"']
