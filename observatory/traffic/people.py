"""Generated people: names, what they write about themselves, and how they change it. Plain Python."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

DOMAIN: Final = "example.org"
"""Reserved by RFC 2606: mail to it is never delivered."""

NAMES: Final = (
    "Ada", "Grace", "Linus", "Barbara", "Edsger", "Margaret", "Alan", "Katherine", "Donald", "Radia", "Dennis",
    "Frances", "Niklaus", "Adele", "Tony", "Shafi", "Ken", "Hedy", "Leslie", "Evelyn", "Guido", "Karen", "Jean",
    "Joan", "Kathleen", "Mary", "Butler", "Sophie", "Vint", "Annie",
)  # fmt: skip
HEADLINES: Final = (
    "Compiler engineer", "Keeps the lights on", "On call until Friday", "Reads other people's logs",
    "Data, mostly clean", "Typography and tea", "Databases, slowly", "Writes the documentation",
    "Release manager", "Support, second line", "Between two projects", "Robots & radios",
    "Accessibility first", "Looking for a bug", "Makes maps", "Teaches evening classes",
)  # fmt: skip
LOCATIONS: Final = (
    "London", "New York", "Helsinki", "Boston", "Rotterdam", "São Paulo", "Kraków", "Zürich", "Nairobi", "Wellington",
    "Reykjavík", "Montréal", "Tōkyō", "Cape Town", "Lisbon", "Tromsø",
)  # fmt: skip
SENTENCES: Final = (
    "Learned to program on a machine with toggle switches.",
    "Believes that most outages begin with the word “just”.",
    "Collects maps of places that do not exist.",
    "Runs, but not fast.",
    "Answers mail on Thursdays.",
    "Is writing a book about signals, and has been for years.",
    "Plays the viola in an orchestra of engineers.",
    "Owns more keyboards than shoes.",
    "Would rather delete code than write it.",
    "Reads the release notes so that you need not.",
)
REGRETS: Final = (
    "the invitation was withdrawn",
    "the card was declined",
    "the second signature is missing",
    "the import stopped at line 118",
    "the form was cancelled",
)
LAST_HOST: Final = 254
"""The highest host number in the networks reserved for documentation (RFC 5737)."""


def usernames(rng: Random) -> Callable[[], str]:
    """A function that returns a new username at each call: first plain names in random order, then numbered ones."""
    pending: list[str] = []
    rounds = 0

    def next_username() -> str:
        nonlocal rounds
        if not pending:
            rounds += 1
            pending.extend(name.lower() + (str(rounds) if rounds > 1 else "") for name in NAMES)
            rng.shuffle(pending)
        return pending.pop()

    return next_username


def first_name(username: str) -> str:
    """The name that a username was made from."""
    return username.rstrip("0123456789").title()


def address(username: str, rng: Random | None = None) -> str:
    """An email address for this person; with ``rng``, a random alternative to change to."""
    tag = f"+{rng.choice(('news', 'work', 'home', 'lists', 'travel'))}{rng.randint(1, 99)}" if rng else ""
    return f"{username}{tag}@{DOMAIN}"


def remote_address(rng: Random) -> str:
    """A random address from the documentation networks."""
    return f"{rng.choice(('192.0.2', '198.51.100', '203.0.113'))}.{rng.randint(1, LAST_HOST)}"


def different_value(field: str, now: str, rng: Random) -> str:
    """A plausible new value for a profile's field."""
    if field == "bio":
        bio = " ".join(rng.sample(SENTENCES, rng.randint(1, 3)))
        return bio if bio != now else ""
    choices = {"headline": HEADLINES, "location": LOCATIONS}[field]
    return rng.choice([choice for choice in choices if choice != now])


def edit(rng: Random) -> list[str]:
    """The fields that one edit of a profile changes: usually one."""
    return rng.sample(("headline", "location", "bio"), rng.choices((1, 2, 3), (6, 2, 1))[0])
