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
        RunFile("0001_initial"),
    ]
