"""Alerts, breaks, and the tables that are guarded."""

from django.db import migrations, models

from signal_log import fields


class Migration(migrations.Migration):
    dependencies = [("signal_log", "0003_seal")]

    operations = [
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
            name="FoundBreak",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("after", models.BigIntegerField()),
                ("before", models.BigIntegerField()),
                ("field", models.CharField(max_length=200)),
                ("found_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "break",
                "ordering": ("-after", "field"),
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("after", "field"), name="signal_log_break")],
            },
        ),
        migrations.CreateModel(
            name="BreakState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("last_id", models.BigIntegerField(default=0)),
                ("found", models.BigIntegerField(default=0)),
                ("skipped", models.JSONField(default=list)),
                ("looked_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "search for breaks",
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
    ]
