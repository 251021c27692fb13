"""Where relays are, and what their receivers have refused."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("signal_log", "0004_audit"),
    ]

    operations = [
        migrations.CreateModel(
            name="RelayCursor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                ("cursor", models.CharField(max_length=64)),
                ("reached", models.BigIntegerField(default=0)),
                ("sent", models.BigIntegerField(default=0)),
                ("failed", models.BigIntegerField(default=0)),
                ("missed", models.BigIntegerField(default=0)),
                ("problem", models.TextField(blank=True)),
                ("problem_since", models.DateTimeField(null=True)),
                ("last_error", models.TextField(blank=True)),
                ("last_error_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("runner", models.CharField(blank=True, max_length=200)),
                ("heartbeat_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "relay",
                "ordering": ("name",),
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="DeadLetter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("relay", models.CharField(max_length=100)),
                ("event", models.BigIntegerField()),
                ("is_tombstone", models.BooleanField(default=False)),
                ("reason", models.TextField()),
                ("refused_at", models.DateTimeField()),
                ("attempts", models.IntegerField(default=1)),
                ("wanted_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "dead letter",
                "ordering": ("-refused_at", "-id"),
                "default_permissions": ("delete",),
                "constraints": [
                    models.UniqueConstraint(fields=("relay", "event", "is_tombstone"), name="signal_log_dead_letter")
                ],
            },
        ),
    ]
