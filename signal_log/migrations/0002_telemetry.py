"""How long traces and receivers took, and recorded sessions."""

from django.db import migrations, models

from signal_log import fields


class Migration(migrations.Migration):
    dependencies = [("signal_log", "0001_initial")]

    operations = [
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
    ]
