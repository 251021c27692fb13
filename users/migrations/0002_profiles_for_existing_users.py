"""Creates profiles for users who existed before this app was installed."""

from django.conf import settings
from django.db import migrations, router

BATCH = 1000


def create_profiles(apps, schema_editor):
    """Insert missing profiles in batches, with the values of their users."""
    alias = schema_editor.connection.alias
    Profile = apps.get_model("users", "Profile")
    if not router.allow_migrate_model(alias, Profile):
        return
    User = apps.get_model(settings.AUTH_USER_MODEL)
    without = User._base_manager.using(alias).filter(profile=None).order_by("pk")
    last = None
    while users := list((without if last is None else without.filter(pk__gt=last))[:BATCH]):
        Profile._base_manager.using(alias).bulk_create(
            Profile(user_id=user.pk, username=user.username, email=user.email, name=user.first_name) for user in users
        )
        last = users[-1].pk


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [migrations.RunPython(create_profiles, migrations.RunPython.noop, elidable=True)]
