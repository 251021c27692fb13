"""The tree over the log, its checkpoints, witnesses and verifications."""

from django.db import migrations, models

from signal_log import fields
from signal_log.migrations.sql import RunFile


class Migration(migrations.Migration):
    dependencies = [("signal_log", "0002_telemetry")]

    operations = [
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
                ("forgot_at", models.BigIntegerField(default=0)),
                ("forgot_size", models.BigIntegerField(default=0)),
                ("is_told", models.BooleanField(default=True)),
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
                ("looked_at", models.TextField(blank=True)),
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
        RunFile("0003_seal"),
    ]
