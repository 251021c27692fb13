"""How-to pages about upgrades, backups, another database and leaving: what they have their readers do works."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from tests.integration.how_to.pages import PAGES, Make, call, code, commands, configure
from tests.newcomer import printed
from tests.servers.postgres import binaries
from tests.tail import database_url

# Prints the log, on one line.
LOG = """
from signal_log import SignalEvent
print([(event.id, bytes(event.digest).hex()) for event in SignalEvent.objects.order_by("id")])
"""
# Prints what a database still has of the app, and saves something.
LEFT = """
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from shop.models import Customer

MADE = {"postgresql": "SELECT proname FROM pg_proc", "sqlite": "SELECT name FROM sqlite_master"}
with connection.cursor() as cursor:
    cursor.execute(MADE[connection.vendor])
    names = [name for name, in cursor.fetchall()]
names += [*connection.introspection.table_names(), *Permission.objects.values_list("codename", flat=True)]
names += ContentType.objects.values_list("app_label", flat=True)
print("left:", [name for name in names if "signal" in name])
Customer.objects.create(name="after")
"""
# Tries to delete the log.
DELETE = """
from django.db import DatabaseError, connection
try:
    connection.cursor().execute("DELETE FROM signal_log_signalevent")
except DatabaseError as error:
    print(error)
"""


@pytest.mark.django_db
def test_upgrade_and_remove(make: Make) -> None:
    """The commands of both pages succeed, and afterwards nothing of the app is left in the database."""
    project = make()
    project.python(call(*commands("upgrade", "check", "migrate"), *commands("remove", "signal_export")))
    configure(project, 'SIGNAL_LOG = {"MODELS": []}')
    project.python(call(*commands("remove", "migrate")))
    configure(project, 'INSTALLED_APPS.remove("signal_log")\ndel SIGNAL_LOG')
    left = project.python(call(*commands("remove", "remove_stale_contenttypes")) + LEFT)
    assert left.endswith("left: []\n")


@pytest.mark.django_db
def test_back_up(make: Make, tmp_path: Path) -> None:
    """A copy holds the same events, takes new ones and refuses to lose any."""
    project = make()
    before = project.python(f"from shop.models import Customer\nCustomer.objects.create(name='ada')\n{LOG}")
    database = project.databases["default"]
    if connection.vendor == "sqlite":
        Path(database["NAME"]).rename(project.folder / "db.sqlite3")
        with pytest.MonkeyPatch.context() as at:
            at.chdir(project.folder)
            exec(code("back-up")[0], {})  # noqa: S102  the page's own code
        database["NAME"] = str(project.folder / "backup.sqlite3")
    else:
        database["NAME"] = restored(database["NAME"], tmp_path)
    configure(project)
    saved = f"""
{LOG}
from shop.models import Customer
Customer.objects.create(name="new")
print(SignalEvent.objects.filter(sender="shop.Customer").count())"""
    after = project.python(saved + DELETE)
    assert after.startswith(before)
    assert re.match(r"4\n.*append-only", after.removeprefix(before))


def restored(name: str, folder: Path) -> str:
    """Dump a database by the page's command and restore it under another name; return that."""
    dump, _ = re.findall(r"^(pg_\w+ .*)$", (PAGES / "back-up.md").read_text(), re.MULTILINE)
    server, file = database_url().rpartition("/")[0], folder / "site.dump"
    tools = binaries() / "pginstall" / "bin"
    program, *options = shlex.split(dump.replace("site.dump", str(file)).removesuffix(" mysite"))
    subprocess.run([tools / program, *options, f"{server}/{name}"], check=True, capture_output=True)
    with psycopg.connect(database_url(), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}_again"')
    subprocess.run([tools / "pg_restore", f"--dbname={server}/{name}_again", file], check=True, capture_output=True)
    return f"{name}_again"


@pytest.mark.postgresql
@pytest.mark.django_db
def test_move_to_postgresql(make: Make) -> None:
    """All rows and all events arrive with their numbers and digests, loading is not recorded, and new ones follow."""
    project = make()
    file = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(project.folder / "old.sqlite3")}
    project.databases["default"], server = file, project.new_database()
    configure(project)
    before = project.python(f"""
{call(["migrate", "-v0", "--run-syncdb"])}
from django.contrib.auth.models import Permission, User
from shop.models import Customer
Customer.objects.create(name="ada")
bob = User.objects.create_user("bob")
bob.user_permissions.add(Permission.objects.get(codename="add_customer"))
{LOG}{call(*commands("move-to-postgresql", "dumpdata"))}""")
    project.databases["default"] = server
    configure(project, 'SIGNAL_LOG = {"MODELS": []}')
    migrate, load = commands("move-to-postgresql", "migrate", "loaddata")
    project.python(call([*migrate, "--run-syncdb"], load))
    configure(project, 'SIGNAL_LOG = {"MODELS": ["*"]}')
    told = project.python(f"""
from django.contrib.auth.models import User
from shop.models import Customer
{LOG}
assert User.objects.get().has_perm("shop.add_customer")
Customer.objects.create(name="new")
{code("move-to-postgresql")[0]}""")
    assert told.startswith(before)
    assert int(told.removeprefix(before).split()[0]) == before.count("(") + 2


@pytest.mark.one_database
def test_remove_takes_back_what_the_readme_adds() -> None:
    """Each setting, each file, and the server's app, without whose package no command would start."""
    page = (PAGES / "remove.md").read_text()
    steps = [step.partition("pip uninstall")[0] for step in page.split("\n\n")]
    added = re.findall(r"^(?:    )?([A-Z_]+) =", printed("mysite/settings.py"), re.MULTILINE)
    assert {"INSTALLED_APPS", "MIDDLEWARE", "ASGI_APPLICATION", "SIGNAL_LOG"} <= {*added}
    for name in [*added, '"daphne"', "urls.py", "asgi.py"]:
        assert any(name in step for step in steps), name


@pytest.mark.django_db
def test_read_from_a_replica(make: Make) -> None:
    """The settings are accepted, and the history is read there; here the same database stands for its replica."""
    (settings,) = code("read-from-a-replica")
    project = make(re.sub(r'^ *"(HOST|OPTIONS)".*\n', "", settings, flags=re.MULTILINE))
    told = project.python("""
from django.core.management import call_command
from signal_log.conf import conf
from signal_log.models import SignalEvent
from shop.models import Customer
call_command("check")
Customer.objects.create(name="ada")
print(conf.READ_DATABASE, SignalEvent.objects.using(conf.READ_DATABASE).filter(sender="shop.Customer").exists())
""")
    assert told.splitlines()[-1] == "replica True"
