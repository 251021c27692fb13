from django.db import migrations, models

from signal_log import fields
from signal_log.migrations.sql import RunFile


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="SignalEvent",
            fields=[
                ("id", fields.BareId(primary_key=True, serialize=False)),
                ("signal", models.CharField(max_length=200)),
                ("sender", models.CharField(max_length=200)),
                ("object_pk", models.CharField(max_length=255)),
                ("object_repr", models.CharField(max_length=200)),
                ("created", models.BooleanField(null=True)),
                ("raw", models.BooleanField(default=False)),
                ("using", models.CharField(max_length=100)),
                ("update_fields", fields.BareJSON(null=True)),
                ("origin", fields.BareJSON(null=True)),
                ("changes", fields.BareJSON(default=dict)),
                ("overwrote", fields.BareJSON(null=True)),
                ("labels", fields.BareJSON(null=True)),
                ("trace_id", models.UUIDField()),
                ("position", fields.BareInteger()),
                ("parent_position", fields.BareInteger(null=True)),
                ("operation", fields.BareInteger()),
                ("caused_by", models.CharField(blank=True, max_length=300)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("committed", "committed"),
                            ("rolled_back", "rolled back"),
                            ("failed", "failed"),
                        ],
                        max_length=12,
                    ),
                ),
                ("error", models.TextField(blank=True)),
                ("actor_pk", models.CharField(blank=True, max_length=255)),
                ("actor_repr", models.CharField(blank=True, max_length=200)),
                ("source", models.CharField(max_length=100)),
                ("request_id", models.CharField(blank=True, max_length=100)),
                ("method", models.CharField(blank=True, max_length=16)),
                ("path", models.CharField(blank=True, max_length=500)),
                ("remote_addr", models.CharField(blank=True, max_length=64)),
                ("call_site", models.CharField(blank=True, max_length=300)),
                ("occurred_at", models.DateTimeField()),
                ("process", models.CharField(max_length=200)),
                ("salt", models.BinaryField()),
                ("digest", models.BinaryField()),
                ("redacted_at", models.DateTimeField(null=True)),
                ("kept_hashes", models.BinaryField(null=True)),
            ],
            options={
                "verbose_name": "signal event",
                "ordering": ("-id",),
                "default_permissions": ("view",),
                "permissions": (
                    ("export_signalevent", "Can export signal events"),
                    ("redact_signalevent", "Can redact signal events"),
                    ("hold_signalevent", "Can hold signal events, and release them"),
                    ("seal_signalevent", "Can make keys and new generations of the seal"),
                ),
                "indexes": [
                    models.Index(fields=["sender", "object_pk"], name="signal_log_object"),
                    models.Index(fields=["trace_id", "position"], name="signal_log_trace"),
                    models.Index(fields=["actor_repr"], name="signal_log_actor"),
                    models.Index(
                        fields=["actor_pk"], name="signal_log_actor_pk", condition=models.Q(("actor_pk__gt", ""))
                    ),
                    models.Index(
                        fields=["outcome", "id"],
                        name="signal_log_undone",
                        condition=models.Q(
                            models.Func(
                                models.F("outcome"),
                                template="%(expressions)s <> 'committed'",
                                output_field=models.BooleanField(),
                            )
                        ),
                    ),
                    models.Index(
                        fields=["id"],
                        name="signal_log_unseen",
                        condition=models.Q(
                            models.Func(
                                models.F("overwrote"),
                                template="(%(expressions)s IS NOT NULL AND %(expressions)s <> '[]')",
                                output_field=models.BooleanField(),
                            )
                        ),
                    ),
                    models.Index(
                        fields=["signal", "id"],
                        name="signal_log_unusual",
                        condition=models.Q(
                            models.Func(
                                models.F("signal"),
                                template="%(expressions)s NOT IN ('pre_save', 'post_save')",
                                output_field=models.BooleanField(),
                            )
                        ),
                    ),
                ],
            },
        ),
        # By itself, because a CreateModel makes its indexes at the end of a migration; the SQL file replaces this one.
        migrations.AddIndex("SignalEvent", models.Index(fields=["occurred_at"], name="signal_log_time")),
        migrations.CreateModel(
            name="LogIdentity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", models.CharField(max_length=32)),
            ],
            options={
                "verbose_name": "log identity",
                "verbose_name_plural": "log identity",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SharedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60, unique=True)),
                ("query", models.CharField(blank=True, max_length=2000)),
                ("shared_by_pk", models.CharField(max_length=255)),
                ("shared_by_repr", models.CharField(max_length=200)),
                ("shared_at", models.DateTimeField()),
            ],
            options={"ordering": ("name",), "default_permissions": ("add", "delete")},
        ),
        migrations.CreateModel(
            name="SignalTrace",
            fields=[
                ("id", fields.BareId(primary_key=True, serialize=False)),
                ("trace_id", models.UUIDField(unique=True)),
                ("source", models.CharField(max_length=100)),
                ("name", models.CharField(max_length=520)),
                ("actor_pk", models.CharField(blank=True, max_length=255)),
                ("actor_repr", models.CharField(blank=True, max_length=200)),
                ("started_at", models.DateTimeField()),
                ("duration_us", models.BigIntegerField()),
                ("status", models.CharField(blank=True, max_length=100)),
                ("events", fields.BareInteger()),
                ("operations", fields.BareInteger()),
                ("failed", fields.BareInteger()),
                ("silent", fields.BareInteger()),
                ("slowest_receiver", models.CharField(blank=True, max_length=300)),
                ("slowest_us", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "trace",
                "default_permissions": (),
                "indexes": [models.Index(fields=["duration_us"], name="signal_log_trace_took")],
            },
        ),
        migrations.CreateModel(
            name="ReceiverCall",
            fields=[
                ("id", fields.BareId(primary_key=True, serialize=False)),
                ("trace_id", models.UUIDField()),
                ("position", fields.BareInteger()),
                ("sender", models.CharField(max_length=200)),
                ("signal", models.CharField(max_length=200)),
                ("receiver", models.CharField(max_length=300)),
                ("started_us", models.BigIntegerField()),
                ("duration_us", models.BigIntegerField()),
                ("queries", fields.BareInteger()),
                ("error", models.TextField(blank=True)),
            ],
            options={
                "verbose_name": "receiver call",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["trace_id", "position"], name="signal_log_call"),
                    models.Index(fields=["receiver", "signal", "sender", "id"], name="signal_log_call_kind"),
                ],
            },
        ),
        migrations.CreateModel(
            name="DebugSession",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60, unique=True)),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("browser", "this browser"),
                            ("client", "an API client"),
                            ("user", "one user"),
                            ("command", "one command"),
                            ("everything", "everything"),
                        ],
                        max_length=10,
                    ),
                ),
                ("target", models.CharField(blank=True, max_length=255)),
                ("started_by_pk", models.CharField(blank=True, max_length=255)),
                ("started_by_repr", models.CharField(blank=True, max_length=200)),
                ("started_at", models.DateTimeField()),
                ("stops_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField()),
                ("why_ended", models.CharField(blank=True, max_length=200)),
                ("traces", models.PositiveIntegerField(default=0)),
                ("bytes", models.BigIntegerField(default=0)),
                ("imported_from", models.CharField(blank=True, max_length=200)),
                ("tasks", models.TextField(blank=True, default="")),
            ],
            options={"verbose_name": "recorded session", "ordering": ("-id",), "default_permissions": ()},
        ),
        migrations.CreateModel(
            name="SessionTrace",
            fields=[
                ("id", fields.BareId(primary_key=True, serialize=False)),
                (
                    "session",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.CASCADE,
                        related_name="caught",
                        to="signal_log.debugsession",
                    ),
                ),
                ("trace_id", models.UUIDField()),
                ("source", models.CharField(max_length=100)),
                ("name", models.CharField(max_length=520)),
                ("actor_repr", models.CharField(blank=True, max_length=200)),
                ("started_at", models.DateTimeField()),
                ("duration_us", models.BigIntegerField()),
                ("status", models.CharField(blank=True, max_length=100)),
                ("events", fields.BareInteger()),
                ("operations", fields.BareInteger()),
                ("failed", fields.BareInteger()),
                ("silent", fields.BareInteger()),
                ("bytes", fields.BareInteger()),
                ("data", models.TextField()),
            ],
            options={
                "verbose_name": "trace of a session",
                "verbose_name_plural": "traces of sessions",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=["session", "trace_id"], name="signal_log_caught"),
                ],
            },
        ),
        migrations.CreateModel(
            name="SealTree",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("generation", models.PositiveIntegerField(unique=True)),
                ("origin", models.CharField(max_length=255, unique=True)),
                ("size", models.BigIntegerField(default=0)),
                ("root", models.BinaryField()),
                ("subtrees", models.BinaryField(default=b"")),
                ("after_id", models.BigIntegerField(default=0)),
                ("last_id", models.BigIntegerField(default=0)),
                ("previous", models.BinaryField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("growing", "growing"),
                            ("stopped", "stopped"),
                            ("closed", "followed by a new generation"),
                        ],
                        default="growing",
                        max_length=10,
                    ),
                ),
                ("problem", models.TextField(blank=True)),
                ("begun_at", models.DateTimeField()),
                ("grown_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "tree",
                "ordering": ("generation",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SealTile",
            fields=[
                ("id", fields.BareId(primary_key=True, serialize=False)),
                ("level", models.PositiveSmallIntegerField()),
                ("index", models.BigIntegerField()),
                ("width", models.PositiveSmallIntegerField()),
                ("hashes", models.BinaryField()),
                ("first_id", models.BigIntegerField(null=True)),
                ("last_id", models.BigIntegerField(null=True)),
                (
                    "tree",
                    models.ForeignKey(
                        db_index=False, on_delete=models.CASCADE, related_name="tiles", to="signal_log.sealtree"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("last_id__isnull", False)), fields=["last_id"], name="signal_log_tile_rows"
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("tree", "level", "index"), name="signal_log_tile")],
            },
        ),
        migrations.CreateModel(
            name="SealCheckpoint",
            fields=[
                ("id", fields.BareId(primary_key=True, serialize=False)),
                ("number", models.BigIntegerField()),
                ("size", models.BigIntegerField()),
                ("root", models.BinaryField()),
                ("note", models.TextField(blank=True)),
                ("made_at", models.DateTimeField()),
                ("token", models.BinaryField(null=True)),
                (
                    "tree",
                    models.ForeignKey(
                        db_index=False, on_delete=models.CASCADE, related_name="checkpoints", to="signal_log.sealtree"
                    ),
                ),
            ],
            options={
                "verbose_name": "checkpoint",
                "default_permissions": (),
                "indexes": [models.Index(fields=["tree", "size"], name="signal_log_checkpoint_size")],
                "constraints": [models.UniqueConstraint(fields=("tree", "number"), name="signal_log_checkpoint")],
            },
        ),
        migrations.CreateModel(
            name="SealWitness",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255)),
                ("url", models.CharField(max_length=500)),
                ("size", models.BigIntegerField(default=0)),
                ("cosigned_at", models.BigIntegerField(default=0)),
                ("tried_at", models.DateTimeField()),
                ("problem", models.TextField(blank=True)),
                (
                    "tree",
                    models.ForeignKey(
                        db_index=False, on_delete=models.CASCADE, related_name="witnesses", to="signal_log.sealtree"
                    ),
                ),
            ],
            options={
                "verbose_name": "witness",
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("tree", "name"), name="signal_log_witness")],
            },
        ),
        migrations.CreateModel(
            name="WitnessedLog",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("origin", models.CharField(max_length=255, unique=True)),
                ("origin_hash", models.CharField(max_length=64, unique=True)),
                ("keys", models.TextField()),
                ("size", models.BigIntegerField(default=0)),
                ("root", models.BinaryField(default=b"")),
                ("note", models.TextField(blank=True)),
                ("cosigned_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "witnessed log",
                "ordering": ("origin",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Verification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("begun_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("by", models.CharField(blank=True, max_length=200)),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("running", "under way"),
                            ("intact", "intact"),
                            ("tampered", "tampered with"),
                            ("unchecked", "could not be checked"),
                        ],
                        default="running",
                        max_length=10,
                    ),
                ),
                ("generation", models.PositiveIntegerField(default=1)),
                ("whole", models.BooleanField(default=False)),
                ("size", models.BigIntegerField(default=0)),
                ("last_id", models.BigIntegerField(default=0)),
                ("findings", models.JSONField(default=list)),
            ],
            options={
                "indexes": [models.Index(fields=["verdict", "ended_at"], name="signal_log_verdict")],
                "ordering": ("-id",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="LegalHold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sender", models.CharField(blank=True, max_length=200)),
                ("object_pk", models.CharField(blank=True, max_length=255)),
                ("actor_pk", models.CharField(blank=True, max_length=255)),
                ("reason", models.TextField()),
                ("held_by_pk", models.CharField(blank=True, max_length=255)),
                ("held_by_repr", models.CharField(blank=True, max_length=200)),
                ("held_at", models.DateTimeField()),
                ("released_by_pk", models.CharField(blank=True, max_length=255)),
                ("released_by_repr", models.CharField(blank=True, max_length=200)),
                ("released_at", models.DateTimeField(null=True)),
                ("release_reason", models.TextField(blank=True)),
            ],
            options={
                "verbose_name": "legal hold",
                "ordering": ("-id",),
                "default_permissions": (),
                "indexes": [models.Index(fields=["sender", "object_pk"], name="signal_log_hold")],
            },
        ),
        migrations.CreateModel(
            name="AlertState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                ("last_id", models.BigIntegerField(default=0)),
                ("fired_at", models.DateTimeField(null=True)),
                ("state", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name": "alert",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="GuardedTable",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("label", models.CharField(max_length=200, unique=True)),
                ("installed_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "guarded table",
                "ordering": ("label",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="PastWrite",
            fields=[
                ("id", fields.BareId(primary_key=True, serialize=False)),
                ("label", models.CharField(max_length=200)),
                ("verb", models.CharField(max_length=10)),
                ("columns", models.TextField(blank=True)),
                ("old", models.TextField(blank=True)),
                ("new", models.TextField(blank=True)),
                ("hidden", models.TextField(blank=True)),
                ("written_at", models.CharField(max_length=40)),
                ("transaction", models.CharField(blank=True, max_length=40)),
                ("program", models.TextField(blank=True)),
            ],
            options={
                "verbose_name": "write past Django",
                "verbose_name_plural": "writes past Django",
                "default_permissions": (),
            },
        ),
        RunFile("0001_initial"),
    ]
