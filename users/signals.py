"""The rules: a user has exactly one profile, the two stay in step, and deleting either deletes both.

Each rule is a plain function of an instance and a database alias; the receivers below only call them.
All rows are reached through base managers, so that a host's filtered default manager hides nobody.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.contrib.auth import get_user_model
from django.db import connections, models, transaction
from django.db.models.signals import class_prepared, post_delete, post_save, pre_delete, pre_save
from django.db.transaction import Atomic

from users import mail
from users.models import Profile

COPIED: Final = {"username": "username", "email": "email", "first_name": "name"}  # user's field: profile's

_being_deleted: WeakKeyDictionary[Atomic, set[Any]] = WeakKeyDictionary()


# --- one profile each -----------------------------------------------------------------------------
def give_profile(user: Any, using: str) -> tuple[Profile, bool]:
    """The user's profile, made now if there is none, and whether it was; two at once make one."""
    values = values_of(user, COPIED, using)
    return Profile._base_manager.using(using).get_or_create(
        user=user, defaults={COPIED[field]: value for field, value in values.items()}
    )


def complete_new_profile(profile: Profile, using: str) -> None:
    """Fill what a profile made by hand leaves out from its user; a username is never empty."""
    # __dict__, not getattr: a deferred field is not missing, and asking for it would load it.
    missing = [field for field, copy in COPIED.items() if not profile.__dict__.get(copy, True)]
    if not profile._state.adding:
        missing = [field for field in missing if field == "username"]
    user = _owner(profile, using) if missing else None
    for field in missing if user else ():
        setattr(profile, COPIED[field], getattr(user, field))


def take_the_users_row(profile: Profile, using: str) -> None:
    """Aim a loaded profile at the row its user already has, and never at another user's row."""
    rows = Profile._base_manager.using(using)
    own = rows.filter(user_id=profile.user_id).values_list("pk", flat=True).first()
    if own is not None:
        profile.pk = own
    elif rows.filter(pk=profile.pk).exists():
        profile.pk = None


# --- in step --------------------------------------------------------------------------------------
def bring_profile_in_step(user: Any, using: str, saved: Collection[str] | None) -> None:
    """After a save of these fields of the user (None: of all), write what differs to the profile."""
    fields = [field for field in COPIED if saved is None or field in saved]
    if not fields:
        return
    profile, made = give_profile(user, using)
    if not made:
        values = values_of(user, fields, using)
        _write(profile, {COPIED[field]: value for field, value in values.items()}, using, touch=["updated"])
        _refresh_cached(user, "profile", profile, [COPIED[field] for field in fields] + ["updated"])


def bring_user_in_step(profile: Profile, using: str, saved: Collection[str] | None) -> None:
    """After a save of these fields of the profile (None: of all), write what differs to the user."""
    fields = [field for field, copy in COPIED.items() if saved is None or copy in saved]
    user = _owner(profile, using, fresh=True) if fields else None
    if user is not None:
        values = values_of(profile, [COPIED[field] for field in fields], using)
        _write(user, {field: values[COPIED[field]] for field in fields}, using)
        _refresh_cached(profile, "user", user, fields)


def settle_after_load(user_id: Any, using: str) -> None:
    """A fixture's user and profile, in either order or without the other: one profile, the user's values."""
    with transaction.atomic(using=using):
        user = get_user_model()._base_manager.using(using).filter(pk=user_id).first()
        if user is not None:
            bring_profile_in_step(user, using, None)


def values_of(instance: models.Model, fields: Collection[str], using: str) -> dict[str, Any]:
    """The instance's values; from its row where one is an expression such as ``Upper("first_name")``."""
    values = {field: getattr(instance, field) for field in fields}
    if any(hasattr(value, "resolve_expression") for value in values.values()):
        return type(instance)._base_manager.using(using).values(*fields).get(pk=instance.pk)
    return values


def _write(row: models.Model, values: dict[str, Any], using: str, touch: Collection[str] = ()) -> None:
    """Save what differs and nothing else; where nothing does, nothing is saved: that ends the ping-pong."""
    differing = [field for field, value in values.items() if getattr(row, field) != value]
    for field in differing:
        setattr(row, field, values[field])
    if differing:
        row.save(using=using, update_fields=[*differing, *touch])


def _owner(profile: Profile, using: str, *, fresh: bool = False) -> models.Model | None:
    if not fresh and "user" in profile._state.fields_cache:
        return profile.user
    return get_user_model()._base_manager.using(using).filter(pk=profile.user_id).first()


def _refresh_cached(instance: models.Model, name: str, row: models.Model, fields: Collection[str]) -> None:
    """Carry new values over to the related instance in the caller's hands, or its next save undoes them."""
    cached = instance._state.fields_cache.get(name)
    if cached is not None and cached is not row:
        for field in fields:
            setattr(cached, field, getattr(row, field))


# --- deleted together -----------------------------------------------------------------------------
def note_user_delete(user_id: Any, using: str) -> None:
    """Remember, for as long as the running delete lasts, that this user is part of it."""
    running = connections[using].atomic_blocks
    if running:
        # pre_delete is sent inside the collector's own atomic block: it is the innermost one.
        _being_deleted.setdefault(running[-1], set()).add(_same_type(user_id))


def is_being_deleted(user_id: Any, using: str) -> bool:
    """Whether a delete that is running on this connection takes the user itself.

    ``origin`` alone cannot say: it is None for a bare collector, a model further up that cascades to
    either, or the profile itself where a receiver deletes it while its user is being deleted.
    """
    user_id = _same_type(user_id)
    return any(user_id in _being_deleted.get(block, ()) for block in connections[using].atomic_blocks)


def _same_type(user_id: Any) -> Any:
    return get_user_model()._meta.pk.to_python(user_id)  # "5" and 5 are one user


def delete_user_of(profile: Profile, using: str) -> None:
    """Delete the user of a deleted profile, unless its deletion is what deletes the profile."""
    if is_being_deleted(profile.user_id, using):
        return
    # By id, not by profile.user: that may be cached and stale, or looked up on another database.
    user = get_user_model()._base_manager.using(using).filter(pk=profile.user_id).first()
    if user is not None:
        user.delete(using=using)


# --- receivers: named for the log, where they stand as the cause ------------------------------------
def create_profile(instance: Any, created: bool, raw: bool, using: str, **kwargs: Any) -> None:
    """A new user gets a profile and a welcome; a loaded one is settled when its fixture is committed."""
    if raw:
        transaction.on_commit(lambda: settle_after_load(instance.pk, using), using=using)
    elif created and give_profile(instance, using)[1]:
        mail.send_welcome(instance, using)


def sync_profile(instance: Any, created: bool, raw: bool, using: str, update_fields: Any, **kwargs: Any) -> None:
    """A changed user changes the profile."""
    if not raw and not created:
        bring_profile_in_step(instance, using, update_fields)


def prepare_profile(instance: Profile, raw: bool, using: str, **kwargs: Any) -> None:
    """A profile about to be saved is complete and in the right row."""
    if raw:
        take_the_users_row(instance, using)
    else:
        complete_new_profile(instance, using)


def sync_user(instance: Profile, raw: bool, using: str, update_fields: Any, **kwargs: Any) -> None:
    """An edited profile changes the user."""
    if raw:
        transaction.on_commit(lambda: settle_after_load(instance.user_id, using), using=using)
    else:
        bring_user_in_step(instance, using, update_fields)


def begin_user_delete(instance: Any, using: str, **kwargs: Any) -> None:
    """A user about to go."""
    note_user_delete(instance.pk, using)


def say_goodbye(instance: Any, using: str, **kwargs: Any) -> None:
    """A user is gone: farewell to them, notice to the administrators."""
    mail.send_farewell(instance, using)


def delete_user(instance: Profile, using: str, **kwargs: Any) -> None:
    """A profile is gone: so is its user."""
    delete_user_of(instance, using)


# --- wiring ---------------------------------------------------------------------------------------
def connect(sender: type[models.Model], **kwargs: Any) -> None:
    """Connect the rules for one model class, if it is a user's or a profile's, also as a proxy or child.

    A multi-table child sends only its own save signals but, when deleted, its parent's too.
    """
    user_model = get_user_model()
    if issubclass(sender, user_model):
        post_save.connect(create_profile, sender=sender)
        post_save.connect(sync_profile, sender=sender)
        if sender._meta.concrete_model is user_model:
            pre_delete.connect(begin_user_delete, sender=sender)
            post_delete.connect(say_goodbye, sender=sender)
    elif issubclass(sender, Profile):
        pre_save.connect(prepare_profile, sender=sender)
        post_save.connect(sync_user, sender=sender)
        if sender._meta.concrete_model is Profile:
            post_delete.connect(delete_user, sender=sender)


def connect_all(known: Collection[type[models.Model]]) -> None:
    """Connect the rules for the models there are and for those that are defined later."""
    for model in known:
        connect(model)
    class_prepared.connect(connect)
