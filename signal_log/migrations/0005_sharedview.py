from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("signal_log", "0004_lighter_indexes")]

    operations = [
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
    ]
