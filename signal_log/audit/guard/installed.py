"""Installs the triggers, finds which are there, and keeps them through migrations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.apps import apps
from django.db import connections, models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate, pre_migrate

from signal_log import clock
from signal_log.audit.guard import queue, triggers
from signal_log.audit.guard.triggers import NAME, STAGED, Watched
from signal_log.audit.own_events import tell
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.registry import is_chosen
from signal_log.capture.row_statement import expecting
from signal_log.conf import conf
from signal_log.errors import GuardError
from signal_log.models import GuardedTable
from signal_log.nearest import nearest
from signal_log.vendor import vendor_of

GUARDED: Final = "signal_log.guarded"
UNGUARDED: Final = "signal_log.unguarded"
_UID: Final = "signal_log.guard"
_ENABLED: Final = ("O", "A")

# Of each table with our triggers: its name, how many there are and are enabled, their arguments, and the function.
_ON_POSTGRESQL: Final = f"""
    SELECT class.relname, count(*) FILTER (WHERE tgenabled IN ('O', 'A')), min(encode(tgargs, 'hex')), min(prosrc)
    FROM pg_trigger JOIN pg_class AS class ON class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE tgname IN ('{NAME}', '{NAME}_truncate') AND NOT tgisinternal AND pg_table_is_visible(class.oid)
    GROUP BY class.relname
"""  # noqa: S608  our own names
_TRIGGERS_OF_A_TABLE: Final = 2


def chosen(label: str) -> type[models.Model]:
    """The model that a label names, whose table can be guarded. Raises ``GuardError`` in one sentence."""
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):
        known = [each._meta.label for each in apps.get_models() if is_chosen(each)]
        likely = nearest(label, known)
        raise GuardError(
            f"There is no model {label!r}.{f' Did you mean {likely}?' if likely else ' Name it as app.Model.'}"
        ) from None
    model = model._meta.concrete_model or model
    name = model._meta.label
    if not is_chosen(model):
        raise GuardError(f'{name} is not observed: list it in SIGNAL_LOG["MODELS"] first.')
    if not router.allow_migrate_model(conf.DATABASE, model):
        raise GuardError(f"The table of {name} is not in the log's database {conf.DATABASE!r}, where its events go.")
    if Plan(model).secret_key:
        raise GuardError(f"The key of {name} is masked, and a trigger cannot name a row without it.")
    return model


def needed(model: type[models.Model]) -> list[str]:
    """The statements that guard a model's table. Raises ``GuardError``."""
    connection = connections[conf.DATABASE]
    with connection.cursor() as cursor:
        kinds = {each.name: each.type for each in connection.introspection.get_table_list(cursor)}
    table = model._meta.db_table.strip('"')
    if kinds.get(table) not in ("t", "p"):
        what = "a view" if table in kinds else "missing: migrate first"
        raise GuardError(f"The table {table} of {model._meta.label} is {what}.")
    if STAGED not in kinds:
        raise GuardError(f"The table {STAGED} is missing: run `python manage.py migrate signal_log` first.")
    return triggers.statements(watched(model), connection, schema_of(connection))


def install(chosen_models: Sequence[type[models.Model]]) -> None:
    """Guard these models' tables, and tell the log so."""
    connection = connections[conf.DATABASE]
    statements = [sql for model in chosen_models for sql in needed(model)]
    statements += queue.statements(connection, schema_of(connection))
    labels = [model._meta.label for model in chosen_models]
    with transaction.atomic(using=conf.DATABASE):
        run(connection, statements)
        for label in labels:
            GuardedTable.objects.get_or_create(label=label, defaults={"installed_at": clock.now()})
        tell(GUARDED, models=labels)


def remove(labels: Sequence[str]) -> None:
    """Take the triggers of these models away, and tell the log so. Raises ``GuardError`` if one is not guarded."""
    connection = connections[conf.DATABASE]
    there = guarded(connection)
    strange = [label for label in labels if label not in there]
    if strange:
        raise GuardError(f"{strange[0]} is not guarded. Guarded: {', '.join(there) or 'no table'}.")
    with transaction.atomic(using=conf.DATABASE):
        run(connection, [sql for label in labels for sql in triggers.undoing(table_of(label), connection)])
        GuardedTable.objects.filter(label__in=labels).delete()
        if vendor_of(connection) == "postgresql" and set(there) == set(labels):
            run(connection, [f"DROP FUNCTION IF EXISTS {triggers.function_of(schema_of(connection))}()"])
        if set(there) == set(labels):
            run(connection, queue.undoing(connection, schema_of(connection)))
        tell(UNGUARDED, models=list(labels))


def guarded(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """The labels of guarded models, each with what is wrong with its triggers; empty if nothing is.

    A model counts whose triggers are there, or were installed and have gone since.
    """
    tables = connection.introspection.table_names()
    named = set()
    if GuardedTable._meta.db_table in tables:
        named = set(GuardedTable.objects.using(connection.alias).values_list("label", flat=True))
    found = _found(connection)
    of_tables = {
        model._meta.db_table.strip('"'): model._meta.label for model in apps.get_models(include_auto_created=True)
        if not model._meta.proxy
    }  # fmt: skip
    labels = named | {of_tables[table] for table in found if table in of_tables}
    return {label: _wrong(label, found, connection) for label in sorted(labels)}


def watched(model: type[models.Model]) -> Watched:
    """What the triggers of a model tell, as its settings are now."""
    return triggers.watched(Plan(model), connections[conf.DATABASE])


def schema_of(connection: BaseDatabaseWrapper) -> str:
    """The schema of the log's tables; empty on SQLite."""
    if vendor_of(connection) != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            "WHERE pg_class.oid = to_regclass(%s)",
            [STAGED],
        )
        row = cursor.fetchone()
    return str(row[0]) if row else "public"


def run(connection: BaseDatabaseWrapper, statements: Iterable[str]) -> None:
    """Run statements that are no silent writes, although they name verbs and tables."""
    with connection.cursor() as cursor:
        for statement in statements:
            expecting("", cursor.execute, statement)


# -- through migrations --------------------------------------------------------------------------------


def watch_migrations() -> None:
    """Take SQLite's triggers away while tables change, which they would forbid; make anew those that do not fit."""
    first = next(config for config in apps.get_app_configs() if config.models_module is not None)
    pre_migrate.connect(_before_migrate, sender=first, dispatch_uid=_UID)
    last = [config for config in apps.get_app_configs() if config.models_module is not None][-1]
    post_migrate.connect(_after_migrate, sender=last, dispatch_uid=_UID)


def _before_migrate(using: str, plan: Any = None, **_: Any) -> None:
    connection = connections[using]
    if plan and using == conf.DATABASE and vendor_of(connection) == "sqlite":
        _remember(connection)
        run(connection, [sql for table in _found(connection) for sql in triggers.undoing(table, connection)])


def _remember(connection: BaseDatabaseWrapper) -> None:
    """Have the models listed whose triggers go: their row may have gone with a ``flush``."""
    if GuardedTable._meta.db_table not in connection.introspection.table_names():
        return
    for label in guarded(connection):
        GuardedTable.objects.using(connection.alias).get_or_create(label=label, defaults={"installed_at": clock.now()})


def _after_migrate(using: str, plan: Any = None, **_: Any) -> None:
    """What can be guarded again is; the system check tells of the rest."""
    connection = connections[using]
    if not plan or using != conf.DATABASE:
        return
    if STAGED not in connection.introspection.table_names():  # the app's tables were just removed
        found = _found(connection)
        run(connection, [sql for table in found for sql in triggers.undoing(table, connection)])
        if found and vendor_of(connection) == "postgresql":
            run(connection, [f"DROP FUNCTION IF EXISTS {NAME}()", *queue.undoing(connection, "public")])
        return
    for label, wrong in guarded(connection).items():
        if not wrong:
            continue
        try:
            statements = needed(chosen(label))
        except GuardError:
            continue
        with transaction.atomic(using=using):
            run(connection, [*statements, *queue.statements(connection, schema_of(connection))])


# -- what is there -------------------------------------------------------------------------------------


def _found(connection: BaseDatabaseWrapper) -> dict[str, tuple[Any, ...]]:
    """What is known of our triggers, by table."""
    with connection.cursor() as cursor:
        if vendor_of(connection) == "postgresql":
            cursor.execute(_ON_POSTGRESQL)
            return {table: tuple(rest) for table, *rest in cursor.fetchall()}
        if vendor_of(connection) != "sqlite":
            return {}
        cursor.execute(
            "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, %s) = %s",
            [len(NAME), NAME],
        )
        found: dict[str, tuple[Any, ...]] = {}
        for table, name, sql in cursor.fetchall():
            found[table] = (*found.get(table, ()), (name, sql))
        return found


def _wrong(label: str, found: dict[str, tuple[Any, ...]], connection: BaseDatabaseWrapper) -> str:
    try:
        model = chosen(label)
    except GuardError as error:
        return str(error)
    if not queue.is_kept(connection):
        return f"What the triggers of {label} note can be removed by others."
    what = watched(model)
    there = found.get(what.table.strip('"'))
    if there is None:
        return f"The triggers of {label} are gone from its table."
    if vendor_of(connection) == "sqlite":
        fits = dict(there) == triggers.sqlite_triggers(what)
    else:
        enabled, args, body = there
        given = tuple(bytes.fromhex(args or "").decode().split("\0")[:-1])
        if enabled < _TRIGGERS_OF_A_TABLE:
            return f"A trigger of {label} is missing or disabled."
        fits = given == triggers.arguments(what) and body == triggers.function_body(schema_of(connection))
    return "" if fits else f"The triggers of {label} no longer fit its columns or what is masked."


def table_of(label: str) -> str:
    """The table of the model with this label. Raises ``GuardError``."""
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError):
        raise GuardError(f"There is no model {label!r}. Name it as app.Model.") from None
    return str((model._meta.concrete_model or model)._meta.db_table)


def labels_of(given: Iterable[str]) -> Iterator[str]:
    """Labels as Django spells them, where there are such models."""
    for label in given:
        try:
            model = apps.get_model(label)
        except (LookupError, ValueError):
            yield label
            continue
        yield (model._meta.concrete_model or model)._meta.label
