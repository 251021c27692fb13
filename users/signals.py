"""The rules: a user has exactly one profile, the two stay in step, and deleting either deletes both.

Each rule is a plain function of an instance and a database alias; the receivers below only call them. All queries use
base managers, so that a host's filtered default manager hides no rows.

``user.save()`` outside a transaction is committed before its receivers run. Then the profile follows in a transaction
of its own, which a kill can prevent. ``Profile.save`` is a transaction with its receivers. So where the two differ,
the user is ahead, and whoever finds that gives the profile the user's values: the next save of either, a log-in, or
a visit of the profile's page. Every rule locks the user's row before it writes, so that two of them cannot deadlock.
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

_being_deleted: WeakKeyDictionary[Atomic, dict[Any, bool]] = WeakKeyDictionary()


# --- one profile per user -------------------------------------------------------------------------
def ensure_profile(user_id: Any, using: str, in_hand: Profile | None = None) -> tuple[Profile | None, bool]:
    """The user's profile, with the user's values, and whether it was created; None if the user is gone.

    ``in_hand`` is an instance of the profile that the caller keeps; what is written is carried over to it.
    """
    profile = Profile._base_manager.using(using).select_related("user").filter(user_id=user_id).first()
    if profile is not None and not _differences(profile, _copies(profile.user)):
        return profile, False
    with transaction.atomic(using=using, savepoint=False):
        user = lock_user(user_id, using)
        if user is None:
            return None, False
        profile, created = Profile._base_manager.using(using).get_or_create(user_id=user.pk, defaults=_copies(user))
        if not created:
            _write(profile, _copies(user), using, in_hand, touch=["updated"])
    return profile, created


def lock_user(user_id: Any, using: str) -> Any:
    """The user's row as it is now, locked until the transaction ends; None if it is gone. (SQLite has one writer.)"""
    users = get_user_model()._base_manager.using(using)
    # no_key: a lock that other tables' foreign keys to the user need not wait for.
    return users.select_for_update(no_key=True).filter(pk=user_id).first()


def adopt_user_row(profile: Profile, using: str) -> None:
    """Point a fixture's profile at the row that its user already has, and never at another user's row."""
    rows = Profile._base_manager.using(using)
    own = rows.filter(user_id=profile.user_id).values_list("pk", flat=True).first()
    if own is not None:
        profile.pk = own
    elif rows.filter(pk=profile.pk).exists():
        profile.pk = None


# --- synchronisation ------------------------------------------------------------------------------
def complete(profile: Profile, using: str, saved: Collection[str] | None) -> None:
    """Before a profile is saved, take from its user what the caller did not provide.

    In a new profile that is what is empty. In an existing one it is what the caller has not edited and where the
    profile is behind its user, and a username, which is never left empty.
    """
    user = lock_user(profile.user_id, using)
    if user is None:
        return
    right = _copies(user)
    row = None if profile._state.adding else Profile._base_manager.using(using).filter(pk=profile.pk).first()
    for copy in right.keys() & profile.__dict__.keys():  # __dict__: a deferred field is not missing
        value = profile.__dict__[copy]
        may_be_empty = row is not None and copy != "username"
        if (not value and not may_be_empty) or (row is not None and value == getattr(row, copy)):
            setattr(profile, copy, right[copy])
    if row is not None and saved is not None and set(_differences(row, right)) - set(saved):
        _write(row, right, using, touch=["updated"])  # what this save leaves out


def update_user_from(profile: Profile, using: str, saved: Collection[str] | None) -> None:
    """After these fields of the profile were saved (None: all), write the differences to the user."""
    fields = [field for field, copy in COPIED.items() if saved is None or copy in saved]
    user = lock_user(profile.user_id, using) if fields else None
    if user is not None:
        values = _values_of(profile, [COPIED[field] for field in fields], using)
        in_hand = profile._state.fields_cache.get("user")
        _write(user, {field: values[COPIED[field]] for field in fields}, using, in_hand)


def _copies(user: Any) -> dict[str, Any]:
    """What the profile of this user must hold."""
    return {copy: getattr(user, field) for field, copy in COPIED.items()}


def _differences(row: models.Model, values: dict[str, Any]) -> list[str]:
    return [field for field, value in values.items() if getattr(row, field) != value]


def _values_of(profile: Profile, fields: Collection[str], using: str) -> dict[str, Any]:
    """The profile's values; read from its row if one is an expression such as ``Upper("name")``."""
    values = {field: getattr(profile, field) for field in fields}
    if any(hasattr(value, "resolve_expression") for value in values.values()):
        return Profile._base_manager.using(using).values(*fields).get(pk=profile.pk)
    return values


def _write(
    row: models.Model, values: dict[str, Any], using: str, in_hand: Any = None, touch: Collection[str] = ()
) -> None:
    """Save only fields that differ; if none do, do not save, which ends the mutual updates.

    The caller's instance gets the new values too, or its next save would revert them.
    """
    differing = _differences(row, values)
    for field in differing:
        setattr(row, field, values[field])
    if differing:
        row.save(using=using, update_fields=[*differing, *touch])
    if in_hand is not None and in_hand is not row:
        for field in in_hand.__dict__.keys() & set(differing):
            setattr(in_hand, field, values[field])


# --- joint deletion -------------------------------------------------------------------------------
def mark_user_delete(user_id: Any, using: str) -> None:
    """Record, for the duration of the running delete, that this user is part of it, and whether it still exists."""
    running = connections[using].atomic_blocks
    if running:
        # pre_delete is sent inside the collector's own atomic block, which is the innermost one.
        exists = lock_user(user_id, using) is not None
        _being_deleted.setdefault(running[-1], {})[_same_type(user_id)] = exists


def is_being_deleted(user_id: Any, using: str) -> bool:
    """Whether a delete running on this connection includes the user.

    ``origin`` alone is not enough: it is None for a bare collector, a model further up that cascades to either, or the
    profile itself if a receiver deletes it while its user is being deleted.
    """
    return _mark_of(user_id, using) is not None


def was_gone_before(user_id: Any, using: str) -> bool:
    """Whether somebody else deleted the user after this delete had collected it."""
    return _mark_of(user_id, using) is False


def _mark_of(user_id: Any, using: str) -> bool | None:
    user_id = _same_type(user_id)
    marks = (_being_deleted.get(block, {}) for block in reversed(connections[using].atomic_blocks))
    return next((mark[user_id] for mark in marks if user_id in mark), None)


def _same_type(user_id: Any) -> Any:
    return get_user_model()._meta.pk.to_python(user_id)  # "5" and 5 are the same user


def delete_user_of(profile: Profile, using: str) -> None:
    """Delete the user of a deleted profile, unless the user's deletion is already running."""
    if is_being_deleted(profile.user_id, using):
        return
    # By id, not profile.user, which may be stale or cached from another database.
    user = get_user_model()._base_manager.using(using).filter(pk=profile.user_id).first()
    if user is not None:
        user.delete(using=using)


# --- receivers: their names appear as causes in the log -------------------------------------------
def create_profile(instance: Any, created: bool, raw: bool, using: str, **kwargs: Any) -> None:
    """Create a new user's profile and send the welcome; for a fixture, reconcile on commit."""
    if raw:
        transaction.on_commit(lambda: ensure_profile(instance.pk, using), using=using)
    elif created:
        profile, is_new = ensure_profile(instance.pk, using)
        if profile is not None and is_new:
            profile.user = instance  # so that instance.profile needs no query
        # A child row of an existing user is no new account. A new account's profile may be somebody else's work:
        # outside a transaction the user could be visited before it had one.
        if is_new or (profile is not None and type(instance)._meta.concrete_model is get_user_model()):
            mail.send_welcome(instance, using)


def sync_profile(instance: Any, created: bool, raw: bool, using: str, **kwargs: Any) -> None:
    """Update the profile of a changed user, or create it if it is missing."""
    if not raw and not created:
        ensure_profile(instance.pk, using, in_hand=instance._state.fields_cache.get("profile"))


def prepare_profile(instance: Profile, raw: bool, using: str, update_fields: Any, **kwargs: Any) -> None:
    """Complete a profile before it is saved; for a fixture, point it at the right row."""
    if raw:
        adopt_user_row(instance, using)
    else:
        complete(instance, using, update_fields)


def sync_user(instance: Profile, raw: bool, using: str, update_fields: Any, **kwargs: Any) -> None:
    """Update the user of a changed profile; for a fixture, reconcile on commit."""
    if raw:
        transaction.on_commit(lambda: ensure_profile(instance.user_id, using), using=using)
    else:
        update_user_from(instance, using, update_fields)


def begin_user_delete(instance: Any, using: str, **kwargs: Any) -> None:
    """Mark the user as being deleted."""
    mark_user_delete(instance.pk, using)


def begin_profile_delete(instance: Profile, using: str, **kwargs: Any) -> None:
    """Lock the user first: its profile is deleted before it, and everybody else locks the two in the other order."""
    if connections[using].in_atomic_block:
        lock_user(instance.user_id, using)


def say_goodbye(instance: Any, using: str, **kwargs: Any) -> None:
    """Send the farewell and the notice after a user was deleted."""
    if not was_gone_before(instance.pk, using):
        mail.send_farewell(instance, using)


def delete_user(instance: Profile, using: str, **kwargs: Any) -> None:
    """Delete the user of a deleted profile."""
    delete_user_of(instance, using)


# --- wiring ---------------------------------------------------------------------------------------
def connect(sender: type[models.Model], **kwargs: Any) -> None:
    """Connect the receivers for one model class if it is a user or profile model, including proxies and children.

    A multi-table child sends only its own save signals but, when deleted, its parent's delete signals too.
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
            pre_delete.connect(begin_profile_delete, sender=sender)
            post_delete.connect(delete_user, sender=sender)


def connect_all(known: Collection[type[models.Model]]) -> None:
    """Connect the receivers for existing models and for those defined later."""
    for model in known:
        connect(model)
    class_prepared.connect(connect)
