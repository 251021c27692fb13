from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("signal_log", "0001_initial")]

    operations = [
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
    ]
