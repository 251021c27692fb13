from django.db import migrations

from signal_log.store.on_postgresql import index_time, index_time_and_id


class Migration(migrations.Migration):
    dependencies = [("signal_log", "0005_sharedview")]

    operations = [migrations.RunPython(index_time_and_id, index_time)]
