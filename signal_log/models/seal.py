"""The seal: the tree over the log's events, its checkpoints, what witnesses said of them, and what verification found.

Indexes of leaves are ranks by id among the settled rows of a tree's *generation*; a log that was rewound goes on as a
new one, whose first leaf stands for the old one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import models

from signal_log.amounts import counted
from signal_log.fields import BareId, Moment
from signal_log.models.log import LogManager


class SealTree(models.Model):
    """One generation of the tree: how far it has grown, and whether it still does."""

    class State(models.TextChoices):
        GROWING = "growing", "growing"
        STOPPED = "stopped", "stopped"
        CLOSED = "closed", "followed by a new generation"

    generation = models.PositiveIntegerField(unique=True)
    origin = models.CharField(max_length=255, unique=True)
    """``<host>/<the log's identity>/<generation>``, the first line of every checkpoint."""
    size = models.BigIntegerField(default=0)
    root = models.BinaryField()
    subtrees = models.BinaryField(default=b"")
    """The hashes of the complete subtrees that a tree of this size is made of, the largest first."""
    after_id = models.BigIntegerField(default=0)
    """Rows above this id belong to this generation."""
    last_id = models.BigIntegerField(default=0)
    """The last row that is a leaf."""
    previous = models.BinaryField(null=True)
    """The first leaf's entry in a generation after the first: the SHA-256 of the old one's last known checkpoint."""
    state = models.CharField(max_length=10, choices=State, default=State.GROWING)
    problem = models.TextField(blank=True)
    """Why it is stopped, in a sentence."""
    begun_at = Moment()
    grown_at = Moment()

    objects = LogManager["SealTree"]()

    class Meta:
        ordering = ("generation",)
        default_permissions = ()
        verbose_name = "tree"

    def __str__(self) -> str:
        return f"{self.origin} of {counted(self.size, 'event')}"


class SealTile(models.Model):
    """Up to 256 hashes of one level of a tree; only the rightmost of a level has fewer, and grows."""

    id = BareId(primary_key=True)
    tree = models.ForeignKey(SealTree, models.CASCADE, related_name="tiles", db_index=False)
    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    width = models.PositiveSmallIntegerField()
    hashes = models.BinaryField()
    first_id: models.BigIntegerField[int | None, int | None] = models.BigIntegerField(null=True)
    """On level 0 the rows of the first and the last leaf, so that a proof finds its row and a missing row its place."""
    last_id: models.BigIntegerField[int | None, int | None] = models.BigIntegerField(null=True)

    objects = LogManager["SealTile"]()

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=("tree", "level", "index"), name="signal_log_tile"),)
        indexes = (
            models.Index(fields=("last_id",), name="signal_log_tile_rows", condition=models.Q(last_id__isnull=False)),
        )

    def __str__(self) -> str:
        return f"tile {self.level}/{self.index} of {self.width}"


class SealCheckpoint(models.Model):
    """A signed note that states a tree's size and root; unsigned while there is no key, and until it is signed."""

    id = BareId(primary_key=True)
    tree = models.ForeignKey(SealTree, models.CASCADE, related_name="checkpoints", db_index=False)
    number = models.BigIntegerField()
    """From 1 and without a gap, so that a missing one shows."""
    size = models.BigIntegerField()
    root = models.BinaryField()
    note = models.TextField(blank=True)
    """With the log's signature, and below it those of witnesses; empty if nothing is signed."""
    made_at = Moment()
    token = models.BinaryField(null=True)
    """A timestamp over the note's text (RFC 3161), where one is asked for."""

    objects = LogManager["SealCheckpoint"]()

    class Meta:
        default_permissions = ()
        verbose_name = "checkpoint"
        constraints = (models.UniqueConstraint(fields=("tree", "number"), name="signal_log_checkpoint"),)
        indexes = (models.Index(fields=("tree", "size"), name="signal_log_checkpoint_size"),)

    def __str__(self) -> str:
        return f"checkpoint {self.number} of {counted(self.size, 'event')}"


class SealWitness(models.Model):
    """What one witness last said of one of this log's trees."""

    tree = models.ForeignKey(SealTree, models.CASCADE, related_name="witnesses", db_index=False)
    name = models.CharField(max_length=255)
    url = models.CharField(max_length=500)
    size = models.BigIntegerField(default=0)
    """Of the last checkpoint that it countersigned."""
    cosigned_at = models.BigIntegerField(default=0)
    """Its own time of that, in seconds since 1970; 0 for never."""
    tried_at = Moment()
    problem = models.TextField(blank=True)
    """Why the last attempt failed, in a sentence; empty if it did not."""
    forgot_at = models.BigIntegerField(default=0)
    """When it last named less than it had countersigned, in seconds since 1970; 0 for never."""
    forgot_size = models.BigIntegerField(default=0)
    """How many events it had countersigned then."""
    is_told = models.BooleanField(default=True)
    """Whether there is an event of that."""

    objects = LogManager["SealWitness"]()

    class Meta:
        default_permissions = ()
        verbose_name = "witness"
        constraints = (models.UniqueConstraint(fields=("tree", "name"), name="signal_log_witness"),)

    def __str__(self) -> str:
        return self.name

    @property
    def forgotten(self) -> str:
        """That it forgot what it had countersigned, in a sentence; empty if it never did."""
        if not self.forgot_at:
            return ""
        at, lost = datetime.fromtimestamp(self.forgot_at, UTC), counted(self.forgot_size, "event")
        return (
            f"On {at:%Y-%m-%d} at {at:%H:%M:%S} UTC it had forgotten that it countersigned {lost}. "
            "Another history would have been countersigned, too."
        )


class WitnessedLog(models.Model):
    """A log of others that this installation's own witness countersigns, and its last checkpoint."""

    origin = models.CharField(max_length=255, unique=True)
    origin_hash = models.CharField(max_length=64, unique=True)
    """SHA-256 of the origin in hex, by which its checkpoint is asked for."""
    keys = models.TextField()
    """The log's verifier keys, one a line."""
    size = models.BigIntegerField(default=0)
    root = models.BinaryField(default=b"")
    note = models.TextField(blank=True)
    """The last checkpoint with the log's signature and the witness's."""
    cosigned_at: Any = Moment(null=True)  # type: ignore[misc]  # the stubs want another class for it

    objects = LogManager["WitnessedLog"]()

    class Meta:
        ordering = ("origin",)
        default_permissions = ()
        verbose_name = "witnessed log"

    def __str__(self) -> str:
        return self.origin


class Verification(models.Model):
    """One run of ``signal_verify``: how far it came and what it found."""

    class Verdict(models.TextChoices):
        RUNNING = "running", "under way"
        INTACT = "intact", "intact"
        TAMPERED = "tampered", "tampered with"
        UNCHECKED = "unchecked", "could not be checked"

    begun_at = Moment()
    ended_at: Any = Moment(null=True)  # type: ignore[misc]  # the stubs want another class for it
    by = models.CharField(max_length=200, blank=True)
    verdict = models.CharField(max_length=10, choices=Verdict, default=Verdict.RUNNING)
    generation = models.PositiveIntegerField(default=1)
    whole = models.BooleanField(default=False)
    """Whether it was about the whole log, not a part of it: only such a run settles what another has found, if it has
    looked at all that the other has."""
    looked_at = models.TextField(blank=True)
    """What was looked at besides the database: a line each, sorted, with a line's end before the first."""
    size = models.BigIntegerField(default=0)
    """Up to which index everything was compared."""
    last_id = models.BigIntegerField(default=0)
    """The row at which it can go on."""
    findings = models.JSONField(default=list)

    objects = LogManager["Verification"]()

    class Meta:
        ordering = ("-id",)
        default_permissions = ()
        indexes = (models.Index(fields=("verdict", "ended_at"), name="signal_log_verdict"),)

    def __str__(self) -> str:
        return f"{self.verdict} up to {self.size:,}"

    @property
    def evidence(self) -> list[str]:
        """The lines of ``looked_at``: without all of them no later run settles what this one has found."""
        return self.looked_at.split("\n")[1:-1]

    @property
    def is_clean(self) -> bool:
        """Whether the whole log was compared, and is exactly what was sealed."""
        return self.verdict == self.Verdict.INTACT and self.whole and not self.findings

    @property
    def outcome(self) -> str:
        """The verdict in words; *intact* is said of the whole log only."""
        if self.verdict == self.Verdict.INTACT and not self.is_clean:
            return "nothing wrong was found" if self.whole else "nothing wrong was found in a part of the log"
        return str(self.Verdict(self.verdict).label)
