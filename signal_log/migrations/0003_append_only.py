from django.db import migrations

from signal_log.store.append_only import install, remove


class Migration(migrations.Migration):
    dependencies = [("signal_log", "0002_logidentity")]

    operations = [migrations.RunPython(install, remove)]
