"""What demo people do and what is done to them: each method one kind of thing that shows in the log."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from observatory.traffic import people as lives
from observatory.traffic.population import Crowd, new_password
from observatory.traffic.visitor import Visitor
from signal_log.capture.trace.context import default_scene
from signal_log.capture.trace.trace import trace_of
from users.models import Profile

FEWEST: Final = 3  # with fewer people than this only newcomers come


class RegretError(Exception):
    """What a demo transaction is rolled back by; its text shows in the log."""


class NothingFailedError(Exception):
    """A save that had to fail went through."""


class Doings:
    """Draws what happens next and does it; each thing is named for the summary."""

    def __init__(self, crowd: Crowd, rng: Random, keep: int, host: str) -> None:
        self.crowd = crowd
        self.rng = rng
        self.keep = keep
        self.host = host
        self._visitors: dict[int, Visitor] = {}
        self._bag: list[str] = []
        self._partings: list[str] = []

    # --- what happens next --------------------------------------------------------------------------
    def draw(self) -> str:
        """The next kind: all kinds by their weights in random order, bent where there are too many or too few."""
        if not self._bag:
            self._bag = [kind for kind, weight in WEIGHTS.items() for _ in range(weight)]
            self.rng.shuffle(self._bag)
        kind, people = self._bag.pop(), self.crowd.count()
        if people > self.keep or (people == self.keep and kind in ARRIVALS):
            return self._parting()
        if people < min(FEWEST, self.keep) and kind not in ARRIVALS:
            return "registered"
        return self._parting() if kind == PARTING else kind

    def do(self, kind: str) -> None:
        """Do it; whoever is gone afterwards has no browser any more."""
        KINDS[kind](self)
        here = set(self.crowd.everybody().values_list("pk", flat=True))
        self._visitors = {pk: visitor for pk, visitor in self._visitors.items() if pk in here}

    def _parting(self) -> str:
        """The ways to go, each as often as the others."""
        if not self._partings:
            self._partings = [*PARTINGS]
            self.rng.shuffle(self._partings)
        return self._partings.pop()

    # --- by the site's own pages: with actor, path and remote address --------------------------------
    def register(self) -> None:
        username, password = self.crowd.newcomer(), new_password()
        visitor = Visitor(self.host, lives.remote_address(self.rng), password)
        with self.crowd.expecting(username):
            visitor.submit(
                "users:register",
                username=username,
                first_name=lives.first_name(username),
                email=lives.address(username),
                password1=password,
                password2=password,
            )
        visitor.is_logged_in = True
        self._visitors[self.crowd.everybody().get(username=username).pk] = visitor

    def log_in(self) -> None:
        user = self.crowd.somebody()
        visitor = self._visitor_of(user)
        visitor.log_out()
        visitor.log_in(user.username)

    def edit_profile(self) -> None:
        profile = self._profile_of(self.crowd.somebody())
        self._submit_profile(
            profile,
            **{field: lives.something_else(field, getattr(profile, field), self.rng) for field in lives.edit(self.rng)},
        )

    def change_address(self) -> None:
        profile = self._profile_of(self.crowd.somebody())
        self._submit_profile(profile, email=lives.address(profile.username, self.rng))

    def change_password(self) -> None:
        user = self.crowd.somebody()
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
        [user] = self.crowd.oldest()
        visitor = self._visitor_of(user)
        visitor.log_in(user.username)
        visitor.submit("users:delete", password=visitor.password)

    # --- by code: the source is the command, the actor the login of the machine -----------------------
    def create(self) -> None:
        self._create(self.crowd.newcomer())

    def move(self) -> None:
        profile = self._profile_of(self.crowd.somebody())
        profile.location = lives.something_else("location", profile.location, self.rng)
        profile.save(update_fields=["location", "updated"])

    def toggle_staff(self) -> None:
        user = self.crowd.somebody()
        user.is_staff = not user.is_staff
        user.save()

    def delete_user(self) -> None:
        self.crowd.oldest()[0].delete()

    def delete_profile(self) -> None:
        self._profile_of(self.crowd.oldest()[0]).delete()

    def delete_users(self) -> None:
        self.crowd.everybody().filter(pk__in=[user.pk for user in self.crowd.oldest(2)]).delete()

    def delete_profiles(self) -> None:
        Profile.objects.filter(user__in=[user.pk for user in self.crowd.oldest(2)]).delete()

    def roll_back(self) -> None:
        """A newcomer and a change, both undone."""
        with trace_of(default_scene), suppress(RegretError), transaction.atomic():
            self._create(self.crowd.newcomer())
            self._edit(self.crowd.somebody())
            raise self._regret()

    def roll_back_a_part(self) -> None:
        """Two changes of which the second is undone; the first is committed."""
        with trace_of(default_scene), transaction.atomic():
            user = self.crowd.somebody()
            self._edit(user)
            with suppress(RegretError), transaction.atomic():
                user.email = lives.address(user.username, self.rng)
                user.save(update_fields=["email"])
                raise self._regret()

    def take_a_name(self) -> None:
        """A second user of a name: the database refuses."""
        name = self.crowd.somebody().username
        self._refused(User(username=name, email=lives.address(name)).save)

    def second_profile(self) -> None:
        """A second profile of a user: the database refuses."""
        user = self.crowd.somebody()
        self._refused(Profile(user=user, username=user.username).save)

    # --- what these are made of -----------------------------------------------------------------------
    def _create(self, username: str) -> None:
        with self.crowd.expecting(username):
            User.objects.create_user(
                username, lives.address(username), new_password(), first_name=lives.first_name(username)
            )

    def _edit(self, user: User) -> None:
        profile = self._profile_of(user)
        profile.headline = lives.something_else("headline", profile.headline, self.rng)
        profile.save()

    def _regret(self) -> RegretError:
        return RegretError(self.rng.choice(lives.REGRETS))

    @staticmethod
    def _refused(save: Callable[..., None]) -> None:
        try:
            save(force_insert=True)
        except IntegrityError:
            return
        raise NothingFailedError("The database took what its constraints forbid.")

    @staticmethod
    def _profile_of(user: User) -> Profile:
        return Profile.objects.select_related("user").get(user=user.pk)

    def _visitor_of(self, user: User) -> Visitor:
        """The person's browser; who is left from an earlier run gets a new password to log in with."""
        visitor = self._visitors.get(user.pk)
        if visitor is None:
            visitor = Visitor(self.host, lives.remote_address(self.rng), new_password())
            user.set_password(visitor.password)
            user.save(update_fields=["password"])
            self._visitors[user.pk] = visitor
        return visitor

    def _submit_profile(self, profile: Profile, **changed: str) -> None:
        visitor = self._visitor_of(profile.user)
        visitor.log_in(profile.username)
        shown = {field: getattr(profile, field) for field in ("name", "email", "headline", "location", "bio")}
        visitor.submit("users:profile", **shown | changed)


ARRIVALS: Final = {"registered": Doings.register, "created by code": Doings.create}
PARTINGS: Final = {
    "left by themselves": Doings.leave,
    "deleted by user": Doings.delete_user,
    "deleted by profile": Doings.delete_profile,
    "deleted by queryset": Doings.delete_users,
    "deleted by profiles' queryset": Doings.delete_profiles,
}
KINDS: Final[dict[str, Callable[[Doings], None]]] = {
    **ARRIVALS,
    "logged in": Doings.log_in,
    "edited their profile": Doings.edit_profile,
    "changed their address": Doings.change_address,
    "changed their password": Doings.change_password,
    "moved by code": Doings.move,
    "staff or not": Doings.toggle_staff,
    "rolled back": Doings.roll_back,
    "rolled back in part": Doings.roll_back_a_part,
    "refused: name taken": Doings.take_a_name,
    "refused: second profile": Doings.second_profile,
    **PARTINGS,
}
PARTING: Final = "a parting"
"""In the bag it stands for whichever way to go is next."""
WEIGHTS: Final = {
    **{kind: 1 for kind in KINDS if kind not in PARTINGS},
    "registered": 4,
    "logged in": 3,
    "edited their profile": 7,
    "changed their address": 2,
    PARTING: 4,
}
