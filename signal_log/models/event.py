"""The log's own table, with one row per firing of an observed signal."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Final, NoReturn

from django.core.management.color import no_style
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, models
from django.utils.functional import cached_property

from signal_log.event import COMMITTED, FAILED, POST_SAVE, PRE_SAVE, ROLLED_BACK
from signal_log.fields import BareId, BareInteger, BareJSON, Moment
from signal_log.models.log import LogManager
from signal_log.models.seal import SealTree
from signal_log.models.telemetry import ReceiverCall

loading_fixture: ContextVar[bool] = ContextVar("signal_log_loading_fixture", default=False)
"""While a fixture's row of the log is loaded; events of the same transaction wait, or they would take its id."""

PERMISSIONS: Final = (
    ("export_signalevent", "Can export signal events"),
    ("redact_signalevent", "Can redact signal events"),
    ("hold_signalevent", "Can hold signal events, and release them"),
    ("seal_signalevent", "Can make keys and new generations of the seal"),
)
"""Beside Django's own to view; each use of one is an event."""


def _literally(column: str, condition: str) -> models.Q:
    """A condition on a column, without parameters: SQLite uses a partial index only where a query repeats its text."""
    told = models.Func(models.F(column), template=condition, output_field=models.BooleanField())
    return models.Q(told)


UNDONE: Final = _literally("outcome", "%(expressions)s <> 'committed'")
UNSEEN: Final = _literally("overwrote", "(%(expressions)s IS NOT NULL AND %(expressions)s <> '[]')")
"""Something was overwritten that the writer had not seen."""
USUAL: Final = (PRE_SAVE, POST_SAVE)
UNUSUAL: Final = _literally("signal", "%(expressions)s NOT IN ('pre_save', 'post_save')")
"""What few events are, so that an index of them alone is small, and free where nothing of the kind happens."""


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
    redacted_at: Any = Moment(null=True)  # type: ignore[misc]  # the stubs want another class for it
    kept_hashes = models.BinaryField(null=True)
    """Of a redacted row, for its digest: SHA-256 of salt and subject, then of salt and payload."""

    past: Sequence[str] = ()
    """The fields that it found written past Django; ``audit.breaks.found_breaks.mark`` sets it for a page."""

    pinned: bool = False
    notes: int = 0
    """What people have said of it; ``audit.pins.mark`` sets them for a page."""

    objects = LogManager["SignalEvent"]()

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        permissions = PERMISSIONS
        verbose_name = "signal event"
        indexes = (
            # Without the id, PostgreSQL deduplicates equal keys: an eighth of the size.
            models.Index(fields=("sender", "object_pk"), name="signal_log_object"),
            models.Index(fields=("trace_id", "position"), name="signal_log_trace"),
            models.Index(fields=("actor_repr",), name="signal_log_actor"),
            # Most rows of commands and anonymous visitors have no key, and cost no entry.
            models.Index(fields=("actor_pk",), name="signal_log_actor_pk", condition=models.Q(actor_pk__gt="")),
            models.Index(fields=("occurred_at",), name="signal_log_time"),  # BRIN, with the id, on PostgreSQL
            models.Index(fields=("outcome", "id"), name="signal_log_undone", condition=UNDONE),
            models.Index(fields=("id",), name="signal_log_unseen", condition=UNSEEN),
            models.Index(fields=("signal", "id"), name="signal_log_unusual", condition=UNUSUAL),
            # And on PostgreSQL one on the names of changed fields: signal_log.store.schema.
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
                self._must_not_be_sealed_over(using)
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

    def _must_not_be_sealed_over(self, using: str | None) -> None:
        """Refuse a row below what is sealed: it could never become a leaf, and would look as if it were smuggled in."""
        sealed = SealTree.objects.using(using).filter(size__gt=0, last_id__gte=self.pk).first() if self.pk else None
        if sealed is not None:
            raise IntegrityError(
                f"signal_log: event {self.pk} of the fixture is not in this log, of which all events up to "
                f"{sealed.last_id} are sealed, so that it could never be proved. Load a log into a fresh database, or "
                "leave it out: loaddata --exclude signal_log, or dumpdata --exclude signal_log."
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
