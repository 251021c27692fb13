"""The actions of the demo traffic: each method produces one kind of activity in the log."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

import signal_log
from observatory.traffic import people
from observatory.traffic.population import Population, new_password
from observatory.traffic.visitor import Visitor
from users.models import Profile

MIN_PEOPLE: Final = 3  # with fewer people than this, only arrivals happen

SOURCE: Final = "command:signal_traffic"

by_code = signal_log.context(source=SOURCE)
"""Decorates an action that uses no page: its events form one trace, with the command as their source."""


class RegretError(Exception):
    """Rolls a demo transaction back; its text shows in the log."""


class UnexpectedSuccessError(Exception):
    """A save that should have failed succeeded."""


class Actions:
    """Draws the next kind of action and performs it."""

    def __init__(self, population: Population, rng: Random, keep: int, host: str) -> None:
        self.population = population
        self.rng = rng
        self.keep = keep
        self.host = host
        self._visitors: dict[int, Visitor] = {}
        self._bag: list[str] = []
        self._departures: list[str] = []

    # --- scheduling -----------------------------------------------------------------------------------
    def draw(self) -> str:
        """The next kind: weighted, in random order, and adjusted if there are too many or too few people."""
        if not self._bag:
            self._bag = [kind for kind, weight in WEIGHTS.items() for _ in range(weight)]
            self.rng.shuffle(self._bag)
        kind, count = self._bag.pop(), self.population.count()
        if count > self.keep or (count == self.keep and kind in ARRIVALS):
            return self._departure()
        if count < min(MIN_PEOPLE, self.keep) and kind not in ARRIVALS:
            return "registered"
        return self._departure() if kind == DEPARTURE else kind

    def do(self, kind: str) -> None:
        """Perform an action, then discard the visitors of people who are gone."""
        KINDS[kind](self)
        here = set(self.population.everyone().values_list("pk", flat=True))
        self._visitors = {pk: visitor for pk, visitor in self._visitors.items() if pk in here}

    def _departure(self) -> str:
        """The next kind of departure; all occur equally often."""
        if not self._departures:
            self._departures = [*DEPARTURES]
            self.rng.shuffle(self._departures)
        return self._departures.pop()

    # --- through the site's pages: with actor, path and remote address --------------------------------
    def register(self) -> None:
        username, password = self.population.new_username(), new_password()
        visitor = Visitor(self.host, people.remote_address(self.rng), password)
        with self.population.expecting(username):
            visitor.submit(
                "users:register",
                username=username,
                first_name=people.first_name(username),
                email=people.address(username),
                password1=password,
                password2=password,
            )
        visitor.is_logged_in = True
        self._visitors[self.population.everyone().get(username=username).pk] = visitor

    def log_in(self) -> None:
        user = self.population.random_user()
        visitor = self._visitor_of(user)
        visitor.log_out()
        visitor.log_in(user.username)

    def edit_profile(self) -> None:
        profile = self._profile_of(self.population.random_user())
        self._submit_profile(
            profile,
            **{
                field: people.different_value(field, getattr(profile, field), self.rng)
                for field in people.edit(self.rng)
            },
        )

    def change_address(self) -> None:
        profile = self._profile_of(self.population.random_user())
        self._submit_profile(profile, email=people.address(profile.username, self.rng))

    def change_password(self) -> None:
        user = self.population.random_user()
        visitor = self._visitor_of(user)
        visitor.log_in(user.username)
        password = new_password()
        visitor.submit(
            "users:password_change",
            old_password=visitor.password,
            new_password1=password,
            new_password2=password,
        )
        visitor.password = password

    def leave(self) -> None:
        [user] = self.population.oldest()
        visitor = self._visitor_of(user)
        visitor.log_in(user.username)
        visitor.submit("users:delete", password=visitor.password)

    # --- by code: the source is the command, the actor the OS user ------------------------------------
    @by_code
    def create(self) -> None:
        self._create(self.population.new_username())

    @by_code
    def change_location(self) -> None:
        profile = self._profile_of(self.population.random_user())
        profile.location = people.different_value("location", profile.location, self.rng)
        profile.save(update_fields=["location", "updated"])

    @by_code
    def toggle_staff(self) -> None:
        user = self.population.random_user()
        user.is_staff = not user.is_staff
        user.save()

    @by_code
    def delete_user(self) -> None:
        self.population.oldest()[0].delete()

    @by_code
    def delete_profile(self) -> None:
        self._profile_of(self.population.oldest()[0]).delete()

    @by_code
    def delete_users(self) -> None:
        self.population.everyone().filter(pk__in=[user.pk for user in self.population.oldest(2)]).delete()

    @by_code
    def delete_profiles(self) -> None:
        Profile.objects.filter(user__in=[user.pk for user in self.population.oldest(2)]).delete()

    @by_code
    def roll_back(self) -> None:
        """A new user and an edit, both rolled back."""
        with suppress(RegretError), transaction.atomic():
            self._create(self.population.new_username())
            self._edit(self.population.random_user())
            raise self._regret()

    @by_code
    def roll_back_partly(self) -> None:
        """Two changes: the first is committed, the second rolled back to a savepoint."""
        with transaction.atomic():
            user = self.population.random_user()
            self._edit(user)
            with suppress(RegretError), transaction.atomic():
                user.email = people.address(user.username, self.rng)
                user.save(update_fields=["email"])
                raise self._regret()

    @by_code
    def duplicate_username(self) -> None:
        """A second user with an existing username, which the database rejects."""
        name = self.population.random_user().username
        self._refused(User(username=name, email=people.address(name)).save)

    @by_code
    def duplicate_profile(self) -> None:
        """A second profile for a user, which the database rejects."""
        user = self.population.random_user()
        self._refused(Profile(user=user, username=user.username).save)

    # --- building blocks ------------------------------------------------------------------------------
    def _create(self, username: str) -> None:
        with self.population.expecting(username), transaction.atomic():
            User.objects.create_user(
                username, people.address(username), new_password(), first_name=people.first_name(username)
            )

    def _edit(self, user: User) -> None:
        profile = self._profile_of(user)
        profile.headline = people.different_value("headline", profile.headline, self.rng)
        profile.save()

    def _regret(self) -> RegretError:
        return RegretError(self.rng.choice(people.REGRETS))

    @staticmethod
    def _refused(save: Callable[..., None]) -> None:
        try:
            save(force_insert=True)
        except IntegrityError:
            return
        raise UnexpectedSuccessError("The database accepted a row that violates its constraints.")

    @staticmethod
    def _profile_of(user: User) -> Profile:
        return Profile.objects.select_related("user").get(user=user.pk)

    def _visitor_of(self, user: User) -> Visitor:
        """The person's visitor; people left over from an earlier run get a new password to log in with."""
        visitor = self._visitors.get(user.pk)
        if visitor is None:
            visitor = Visitor(self.host, people.remote_address(self.rng), new_password())
            user.set_password(visitor.password)
            with signal_log.context(source=SOURCE):
                user.save(update_fields=["password"])
            self._visitors[user.pk] = visitor
        return visitor

    def _submit_profile(self, profile: Profile, **changed: str) -> None:
        visitor = self._visitor_of(profile.user)
        visitor.log_in(profile.username)
        shown = {field: getattr(profile, field) for field in ("name", "email", "headline", "location", "bio")}
        visitor.submit("users:profile", **shown | changed)


ARRIVALS: Final = {"registered": Actions.register, "created by code": Actions.create}
DEPARTURES: Final = {
    "deleted their account": Actions.leave,
    "deleted by user": Actions.delete_user,
    "deleted by profile": Actions.delete_profile,
    "deleted by queryset": Actions.delete_users,
    "deleted by profiles' queryset": Actions.delete_profiles,
}
KINDS: Final[dict[str, Callable[[Actions], None]]] = {
    **ARRIVALS,
    "logged in": Actions.log_in,
    "edited their profile": Actions.edit_profile,
    "changed their address": Actions.change_address,
    "changed their password": Actions.change_password,
    "moved by code": Actions.change_location,
    "toggled staff status": Actions.toggle_staff,
    "rolled back": Actions.roll_back,
    "rolled back in part": Actions.roll_back_partly,
    "refused: name taken": Actions.duplicate_username,
    "refused: second profile": Actions.duplicate_profile,
    **DEPARTURES,
}
DEPARTURE: Final = "a departure"
"""A placeholder in the bag for the next kind of departure."""
WEIGHTS: Final = {
    **{kind: 1 for kind in KINDS if kind not in DEPARTURES},
    "registered": 4,
    "logged in": 3,
    "edited their profile": 7,
    "changed their address": 2,
    DEPARTURE: 4,
}
