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
            ],
            options={
                "verbose_name": "signal event",
                "ordering": ("-id",),
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["sender", "object_pk"], name="signal_log_object"),
                    models.Index(fields=["trace_id", "position"], name="signal_log_trace"),
                    models.Index(fields=["actor_repr"], name="signal_log_actor"),
                    models.Index(
                        fields=["actor_pk"], name="signal_log_actor_pk", condition=models.Q(("actor_pk__gt", ""))
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
        RunFile("0001_initial"),
    ]
