from django.db import migrations, models

from signal_log.store.on_postgresql import install, remove

FIELDS = {
    "signal_log_object": ["sender", "object_pk"],
    "signal_log_actor": ["actor_repr"],
    "signal_log_actor_pk": ["actor_pk"],
}


class Migration(migrations.Migration):
    dependencies = [("signal_log", "0003_append_only")]

    operations = [
        *(migrations.RemoveIndex(model_name="signalevent", name=name) for name in FIELDS),
        *(
            migrations.AddIndex(model_name="signalevent", index=models.Index(fields=fields, name=name))
            for name, fields in FIELDS.items()
        ),
        migrations.RunPython(install, remove),
    ]
