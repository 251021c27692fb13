"""Gives a profile to each user who was there before this app."""

from django.conf import settings
from django.db import migrations, router

BATCH = 1000


def give_profiles(apps, schema_editor):
    """Insert the missing profiles a batch at a time, with the values of their users."""
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

    operations = [migrations.RunPython(give_profiles, migrations.RunPython.noop, elidable=True)]
