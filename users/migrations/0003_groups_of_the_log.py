"""Makes three groups for people who work with the log; sealing is left to superusers."""

from django.db import migrations, router

GROUPS = {
    "log observers": ("view_signalevent",),
    "log auditors": ("view_signalevent", "export_signalevent", "hold_signalevent"),
    "privacy officers": ("view_signalevent", "hold_signalevent", "redact_signalevent"),
}
NAMES = {
    "view_signalevent": "Can view signal event",
    "export_signalevent": "Can export signal events",
    "hold_signalevent": "Can hold signal events, and release them",
    "redact_signalevent": "Can redact signal events",
}


def make_groups(apps, schema_editor):
    """Make the groups with their permissions, which Django itself makes only after the last migration."""
    alias = schema_editor.connection.alias
    if not router.allow_migrate_model(alias, apps.get_model("auth", "Group")):
        return
    groups, permissions, kinds = (
        apps.get_model(label).objects.using(alias)
        for label in ("auth.Group", "auth.Permission", "contenttypes.ContentType")
    )
    kind, _ = kinds.get_or_create(app_label="signal_log", model="signalevent")
    for name, codenames in GROUPS.items():
        group, made = groups.get_or_create(name=name)
        for codename in codenames if made else ():
            permission, _ = permissions.get_or_create(
                content_type=kind, codename=codename, defaults={"name": NAMES[codename]}
            )
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0002_profiles_for_existing_users"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("signal_log", "0001_initial"),
    ]

    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
