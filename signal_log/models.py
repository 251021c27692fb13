"""The log's table, with one row per firing of an observed signal, and related tables in the same database."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, NoReturn, TypeVar

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, models
from django.utils.functional import cached_property

from signal_log.conf import conf
from signal_log.event import COMMITTED, FAILED, ROLLED_BACK
from signal_log.fields import BareId, BareInteger, BareJSON, Moment

if apps.apps_ready and apps.get_containing_app_config(__name__) is None:
    raise ImproperlyConfigured('signal_log is used but not installed: add "signal_log" to INSTALLED_APPS.')

loading_fixture: ContextVar[bool] = ContextVar("signal_log_loading_fixture", default=False)
"""While a fixture's row of the log is loaded; events of the same transaction wait, or they would take its id."""


M = TypeVar("M", bound=models.Model)


class LogManager(models.Manager[M]):
    """Reads the database that the log is in, whatever the routers say; ``using`` names another."""

    def get_queryset(self) -> models.QuerySet[M]:
        """All rows, of ``SIGNAL_LOG["DATABASE"]`` unless the manager is for another."""
        return super().get_queryset().using(self.db)

    @property
    def db(self) -> str:
        """The database that is read."""
        return self._db or conf.DATABASE


class SignalEvent(models.Model):
    """One firing of a signal for one instance; written by the recorder and never changed."""

    class Outcome(models.TextChoices):
        COMMITTED = COMMITTED, "committed"
        ROLLED_BACK = ROLLED_BACK, "rolled back"
        FAILED = FAILED, "failed"

    id = BareId(primary_key=True)
    signal = models.CharField(max_length=200)
    sender = models.CharField(max_length=200)
    object_pk = models.CharField(max_length=255)
    object_repr = models.CharField(max_length=200)
    created = models.BooleanField(null=True)
    raw = models.BooleanField(default=False)
    using = models.CharField(max_length=100)
    update_fields = BareJSON(null=True)
    origin = BareJSON(null=True)
    changes = BareJSON(default=dict)
    overwrote = BareJSON(null=True)
    labels = BareJSON(null=True)
    trace_id = models.UUIDField()
    position = BareInteger()
    parent_position = BareInteger(null=True)
    operation = BareInteger()
    caused_by = models.CharField(max_length=300, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome)
    error = models.TextField(blank=True)
    actor_pk = models.CharField(max_length=255, blank=True)
    actor_repr = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=100)
    request_id = models.CharField(max_length=100, blank=True)
    method = models.CharField(max_length=16, blank=True)
    path = models.CharField(max_length=500, blank=True)
    remote_addr = models.CharField(max_length=64, blank=True)
    call_site = models.CharField(max_length=300, blank=True)
    occurred_at = Moment()
    process = models.CharField(max_length=200)
    salt = models.BinaryField()
    digest = models.BinaryField()
    redacted_at = models.DateTimeField(null=True)

    objects = LogManager["SignalEvent"]()

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        verbose_name = "signal event"
        indexes = (
            # Without the id, PostgreSQL deduplicates equal keys: an eighth of the size.
            models.Index(fields=("sender", "object_pk"), name="signal_log_object"),
            models.Index(fields=("trace_id", "position"), name="signal_log_trace"),
            models.Index(fields=("actor_repr",), name="signal_log_actor"),
            # Most rows of commands and anonymous visitors have no key, and cost no entry.
            models.Index(fields=("actor_pk",), name="signal_log_actor_pk", condition=models.Q(actor_pk__gt="")),
            models.Index(fields=("occurred_at",), name="signal_log_time"),  # BRIN, with the id, on PostgreSQL
        )

    def __str__(self) -> str:
        return f"#{self.pk} {self.signal} {self.sender} {self.object_repr or self.object_pk}"

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Always raises: only the recorder writes the log."""
        raise TypeError("SignalEvent rows are written by the recorder and cannot be saved directly.")

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Always raises: the log is append-only."""
        raise TypeError("SignalEvent rows cannot be deleted: the log is append-only.")

    @cached_property
    def calls(self) -> list[ReceiverCall]:
        """The calls of its receivers, in order; ``telemetry.read.add_calls`` fetches those of many events."""
        found = ReceiverCall.objects.using(self._state.db).filter(trace_id=self.trace_id, position=self.position)
        return list(found.order_by("started_us", "id"))

    @property
    def receivers(self) -> list[dict[str, Any]]:
        """The same as JSON values. They are telemetry: written after the event, kept for days, not sealed."""
        return [
            {"receiver": call.receiver, "duration_us": call.duration_us, "error": call.error, "queries": call.queries}
            for call in self.calls
        ]

    def _save_table(
        self,
        raw: bool = False,
        cls: Any = None,
        force_insert: bool = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Any = None,
    ) -> Any:
        """Insert a row of a fixture, which does not come through ``save()``, unless the log has the very same row."""
        token = loading_fixture.set(True)
        try:
            stored = SignalEvent.objects.using(using).filter(pk=self.pk).first() if self.pk else None
            if stored is None:
                super()._save_table(raw, cls, True, False, using)  # type: ignore[misc]  # the stubs lack it
            _count_on(using)
        finally:
            loading_fixture.reset(token)
        if stored is None or stored._content() == self._content():
            return stored is not None
        raise IntegrityError(
            f"signal_log: event {self.pk} of the fixture is not event {self.pk} of this log, which is append-only. "
            "Load a log into a fresh database, before anything else (after `flush` the event of it is there); or leave "
            "it out: loaddata --exclude signal_log, or dumpdata --exclude signal_log."
        )

    def _content(self) -> list[Any]:
        values = [getattr(self, field.attname) for field in self._meta.concrete_fields]
        return [bytes(value) if isinstance(value, memoryview) else value for value in values]


def _count_on(using: str | None) -> None:
    """Let the next event's id be above the loaded ones; what loading a fixture saves is recorded after it."""
    connection = connections[using or DEFAULT_DB_ALIAS]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [SignalEvent]):
            cursor.execute(statement)


class SignalTrace(models.Model):
    """One request, command, task, message or lone operation: what it was and how it ended. Telemetry, not sealed."""

    id = BareId(primary_key=True)
    trace_id = models.UUIDField(unique=True)
    source = models.CharField(max_length=100)
    name = models.CharField(max_length=520)
    actor_pk = models.CharField(max_length=255, blank=True)
    actor_repr = models.CharField(max_length=200, blank=True)
    started_at = Moment()
    duration_us = models.BigIntegerField()
    status = models.CharField(max_length=100, blank=True)
    events = BareInteger()
    operations = BareInteger()
    failed = BareInteger()
    silent = BareInteger()
    slowest_receiver = models.CharField(max_length=300, blank=True)
    slowest_us = models.BigIntegerField()

    objects = LogManager["SignalTrace"]()

    class Meta:
        default_permissions = ()
        verbose_name = "trace"
        indexes = (models.Index(fields=("duration_us",), name="signal_log_trace_took"),)

    def __str__(self) -> str:
        return f"{self.name} {self.status}".strip()


class ReceiverCall(models.Model):
    """One call of a receiver: how long it took, what it queried and what it raised. Telemetry, not sealed."""

    id = BareId(primary_key=True)
    trace_id = models.UUIDField()
    position = BareInteger()
    sender = models.CharField(max_length=200)
    signal = models.CharField(max_length=200)
    receiver = models.CharField(max_length=300)
    started_us = models.BigIntegerField()
    duration_us = models.BigIntegerField()
    queries = BareInteger()
    error = models.TextField(blank=True)

    objects = LogManager["ReceiverCall"]()

    class Meta:
        default_permissions = ()
        verbose_name = "receiver call"
        indexes = (
            models.Index(fields=("trace_id", "position"), name="signal_log_call"),
            models.Index(fields=("receiver", "signal", "sender", "id"), name="signal_log_call_kind"),
        )

    def __str__(self) -> str:
        return f"{self.receiver} for {self.signal} {self.sender}"


class DebugSession(models.Model):
    """A recorded session: what somebody named, started and stopped, and how it ended. Not sealed, kept for a day."""

    class Scope(models.TextChoices):
        BROWSER = "browser", "this browser"
        CLIENT = "client", "an API client"
        USER = "user", "one user"
        COMMAND = "command", "one command"
        EVERYTHING = "everything", "everything"

    name = models.CharField(max_length=60, unique=True)
    scope = models.CharField(max_length=10, choices=Scope)
    target = models.CharField(max_length=255, blank=True)
    started_by_pk = models.CharField(max_length=255, blank=True)
    started_by_repr = models.CharField(max_length=200, blank=True)
    started_at = Moment()
    stops_at = Moment()
    ended_at: Any = Moment(null=True)  # type: ignore[misc]  # the stubs want another class for it
    expires_at = Moment()
    why_ended = models.CharField(max_length=200, blank=True)
    traces = models.PositiveIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    imported_from = models.CharField(max_length=200, blank=True)
    tasks = models.TextField(blank=True, default="")
    """Ids of the tasks that it has enqueued, each after a blank; ``signal_log.telemetry.session_tasks`` reads it."""

    objects = LogManager["DebugSession"]()

    class Meta:
        ordering = ("-id",)
        default_permissions = ()
        verbose_name = "recorded session"

    def __str__(self) -> str:
        return self.name


class SessionTrace(models.Model):
    """One trace of a recorded session: what it was, and what deeper capture kept of it. Telemetry, not sealed."""

    id = BareId(primary_key=True)
    session = models.ForeignKey(DebugSession, models.CASCADE, related_name="caught", db_index=False)
    trace_id = models.UUIDField()
    source = models.CharField(max_length=100)
    name = models.CharField(max_length=520)
    actor_repr = models.CharField(max_length=200, blank=True)
    started_at = Moment()
    duration_us = models.BigIntegerField()
    status = models.CharField(max_length=100, blank=True)
    events = BareInteger()
    operations = BareInteger()
    failed = BareInteger()
    silent = BareInteger()
    bytes = BareInteger()
    data = models.TextField()
    """``signal_log.show.sessions.caught`` reads it: request, statements and stacks; events too if it was imported."""

    objects = LogManager["SessionTrace"]()

    class Meta:
        default_permissions = ()
        verbose_name = "trace of a session"
        verbose_name_plural = "traces of sessions"
        constraints = (models.UniqueConstraint(fields=("session", "trace_id"), name="signal_log_caught"),)

    def __str__(self) -> str:
        return f"{self.name} {self.status}".strip()


class LogIdentity(models.Model):
    """A single row that identifies the log, to detect cursors of another one."""

    value = models.CharField(max_length=32)

    objects = LogManager["LogIdentity"]()

    class Meta:
        default_permissions = ()
        verbose_name = "log identity"
        verbose_name_plural = "log identity"

    def __str__(self) -> str:
        return self.value


class SharedView(models.Model):
    """A live-page view that a user shares with everyone who may see events."""

    name = models.CharField(max_length=60, unique=True)
    query = models.CharField(max_length=2000, blank=True)
    shared_by_pk = models.CharField(max_length=255)
    shared_by_repr = models.CharField(max_length=200)
    shared_at = Moment()

    objects = LogManager["SharedView"]()

    class Meta:
        ordering = ("name",)
        default_permissions = ("add", "delete")

    def __str__(self) -> str:
        return self.name
