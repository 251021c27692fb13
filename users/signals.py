"""The rules: a user has exactly one profile, the two stay in sync, and deleting either deletes both.

Each rule is a plain function of an instance and a database alias; the receivers below only call them. All queries use
base managers, so that a host's filtered default manager hides no rows.
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


# --- one profile per user -------------------------------------------------------------------------
def ensure_profile(user: Any, using: str) -> tuple[Profile, bool]:
    """Get or create the user's profile; returns it with whether it was created. Safe under concurrency."""
    values = values_of(user, COPIED, using)
    return Profile._base_manager.using(using).get_or_create(
        user=user, defaults={COPIED[field]: value for field, value in values.items()}
    )


def complete_new_profile(profile: Profile, using: str) -> None:
    """Fill missing values of a manually created profile from its user; a username is never left empty."""
    # __dict__, not getattr: a deferred field is not missing, and getattr would load it.
    missing = [field for field, copy in COPIED.items() if not profile.__dict__.get(copy, True)]
    if not profile._state.adding:
        missing = [field for field in missing if field == "username"]
    user = _owner(profile, using) if missing else None
    for field in missing if user else ():
        setattr(profile, COPIED[field], getattr(user, field))


def adopt_user_row(profile: Profile, using: str) -> None:
    """Point a fixture's profile at the row that its user already has, and never at another user's row."""
    rows = Profile._base_manager.using(using)
    own = rows.filter(user_id=profile.user_id).values_list("pk", flat=True).first()
    if own is not None:
        profile.pk = own
    elif rows.filter(pk=profile.pk).exists():
        profile.pk = None


# --- synchronisation ------------------------------------------------------------------------------
def update_profile_from(user: Any, using: str, saved: Collection[str] | None) -> None:
    """After these fields of the user were saved (None: all), write the differences to the profile."""
    fields = [field for field in COPIED if saved is None or field in saved]
    if not fields:
        return
    profile, created = ensure_profile(user, using)
    if not created:
        values = values_of(user, fields, using)
        _write(profile, {COPIED[field]: value for field, value in values.items()}, using, touch=["updated"])
        _refresh_cached(user, "profile", profile, [COPIED[field] for field in fields] + ["updated"])


def update_user_from(profile: Profile, using: str, saved: Collection[str] | None) -> None:
    """After these fields of the profile were saved (None: all), write the differences to the user."""
    fields = [field for field, copy in COPIED.items() if saved is None or copy in saved]
    user = _owner(profile, using, fresh=True) if fields else None
    if user is not None:
        values = values_of(profile, [COPIED[field] for field in fields], using)
        _write(user, {field: values[COPIED[field]] for field in fields}, using)
        _refresh_cached(profile, "user", user, fields)


def reconcile_after_load(user_id: Any, using: str) -> None:
    """After a fixture loaded a user, a profile or both in any order, ensure one profile with the user's values."""
    with transaction.atomic(using=using):
        user = get_user_model()._base_manager.using(using).filter(pk=user_id).first()
        if user is not None:
            update_profile_from(user, using, None)


def values_of(instance: models.Model, fields: Collection[str], using: str) -> dict[str, Any]:
    """The instance's values; read from its row if one is an expression such as ``Upper("first_name")``."""
    values = {field: getattr(instance, field) for field in fields}
    if any(hasattr(value, "resolve_expression") for value in values.values()):
        return type(instance)._base_manager.using(using).values(*fields).get(pk=instance.pk)
    return values


def _write(row: models.Model, values: dict[str, Any], using: str, touch: Collection[str] = ()) -> None:
    """Save only fields that differ; if none do, do not save, which ends the mutual updates."""
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
    """Copy new values to the caller's cached related instance; otherwise its next save would revert them."""
    cached = instance._state.fields_cache.get(name)
    if cached is not None and cached is not row:
        for field in fields:
            setattr(cached, field, getattr(row, field))


# --- joint deletion -------------------------------------------------------------------------------
def mark_user_delete(user_id: Any, using: str) -> None:
    """Record, for the duration of the running delete, that this user is part of it."""
    running = connections[using].atomic_blocks
    if running:
        # pre_delete is sent inside the collector's own atomic block, which is the innermost one.
        _being_deleted.setdefault(running[-1], set()).add(_same_type(user_id))


def is_being_deleted(user_id: Any, using: str) -> bool:
    """Whether a delete running on this connection includes the user.

    ``origin`` alone is not enough: it is None for a bare collector, a model further up that cascades to either, or the
    profile itself if a receiver deletes it while its user is being deleted.
    """
    user_id = _same_type(user_id)
    return any(user_id in _being_deleted.get(block, ()) for block in connections[using].atomic_blocks)


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
        transaction.on_commit(lambda: reconcile_after_load(instance.pk, using), using=using)
    elif created and ensure_profile(instance, using)[1]:
        mail.send_welcome(instance, using)


def sync_profile(instance: Any, created: bool, raw: bool, using: str, update_fields: Any, **kwargs: Any) -> None:
    """Update the profile of a changed user."""
    if not raw and not created:
        update_profile_from(instance, using, update_fields)


def prepare_profile(instance: Profile, raw: bool, using: str, **kwargs: Any) -> None:
    """Complete a profile before it is saved; for a fixture, point it at the right row."""
    if raw:
        adopt_user_row(instance, using)
    else:
        complete_new_profile(instance, using)


def sync_user(instance: Profile, raw: bool, using: str, update_fields: Any, **kwargs: Any) -> None:
    """Update the user of a changed profile; for a fixture, reconcile on commit."""
    if raw:
        transaction.on_commit(lambda: reconcile_after_load(instance.user_id, using), using=using)
    else:
        update_user_from(instance, using, update_fields)


def begin_user_delete(instance: Any, using: str, **kwargs: Any) -> None:
    """Mark the user as being deleted."""
    mark_user_delete(instance.pk, using)


def say_goodbye(instance: Any, using: str, **kwargs: Any) -> None:
    """Send the farewell and the notice after a user was deleted."""
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
            post_delete.connect(delete_user, sender=sender)


def connect_all(known: Collection[type[models.Model]]) -> None:
    """Connect the receivers for existing models and for those defined later."""
    for model in known:
        connect(model)
    class_prepared.connect(connect)
