"""The pages of docs/how-to/ do what they say: their code and their commands, run in a project that is not ours."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from signal_log.seal.key import new_signer, write_key
from signal_log.seal.note import ED25519
from signal_log.seal.witness_call import newest_from
from tests.integration.host_project import HostProject
from tests.newcomer import printed
from tests.servers.postgres import binaries
from tests.tail import database_url

PAGES = Path(__file__).resolve().parents[2] / "docs" / "how-to"
SHOP = """
from django.db import models

class Customer(models.Model):
    name = models.CharField(max_length=20)
    iban = models.CharField(max_length=40)
    notes = models.TextField()
    last_seen = models.DateTimeField(null=True)
"""
# A migration that does not build on those of the log.
NOTHING = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("crew", "0001_initial")]
"""
ALONE = 'INSTALLED_APPS += ["shop"]\nMIGRATION_MODULES = {"shop": None}\n'
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
# What a project with the admin has.
ADMIN = """
INSTALLED_APPS += [f"django.contrib.{name}" for name in ("admin", "sessions", "messages")]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware",
              "django.contrib.messages.middleware.MessageMiddleware",
              "signal_log.capture.middleware.SignalLogMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
    "context_processors": [f"django.{name}" for name in (
        "template.context_processors.request", "contrib.auth.context_processors.auth",
        "contrib.messages.context_processors.messages")]}}]
ROOT_URLCONF, STATIC_URL, ALLOWED_HOSTS = "urls", "static/", ["*"]
"""
# Tries to delete the log.
DELETE = """
from django.db import DatabaseError, connection
try:
    connection.cursor().execute("DELETE FROM signal_log_signalevent")
except DatabaseError as error:
    print(error)
"""


Make = Callable[..., HostProject]


def code(page: str) -> list[str]:
    """Return the Python blocks of a page."""
    text = (PAGES / f"{page}.md").read_text()
    return [re.sub(r"^ {3}", "", one, flags=re.MULTILINE) if one.startswith("   ") else one for one in blocks(text)]


def blocks(text: str) -> list[str]:
    """Return what stands in fences that say that it is Python, at whatever depth."""
    return re.findall(r"^ *```python\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def commands(page: str, *names: str) -> list[list[str]]:
    """Return what a page has its reader run by manage.py, of these commands."""
    found = re.findall(r"(?:^ *|`)python manage\.py ([^`\n]+)", (PAGES / f"{page}.md").read_text(), re.MULTILINE)
    chosen = [shlex.split(one) for one in found]
    assert {one[0] for one in chosen} >= set(names)
    return [one for one in chosen if one[0] in names]


@pytest.fixture(scope="module")
def migrated(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> HostProject:
    """A project with an app `shop`; to be copied."""
    project = HostProject(tmp_path_factory.mktemp("project"), settings=ALONE)
    project.write("crew/migrations/0002_founder.py", NOTHING)
    project.write("shop/__init__.py", "")
    project.write("shop/models.py", SHOP)
    project.manage("migrate", "-v0", "--run-syncdb")
    return project


@pytest.fixture
def make(migrated: HostProject, tmp_path: Path) -> Make:
    """Makes such a project with these settings."""

    def make(settings: str = "") -> HostProject:
        project = migrated.copy(tmp_path / "project")
        configure(project, settings)
        return project

    return make


def configure(project: HostProject, settings: str = "") -> None:
    """Add settings to a project."""
    project.settings += f"\n{settings}\n"
    project._write_settings()


def call(*commands: list[str]) -> str:
    """Return code that runs management commands."""
    calls = "\n".join(f"call_command(*{command!r})" for command in commands)
    return f"from django.core.management import call_command\n{calls}\n"


@pytest.mark.one_database
def test_every_page_is_listed_and_tried() -> None:
    """The index leads to all pages, and each is read by a test of this file."""
    pages = {path.stem for path in PAGES.glob("*.md")} - {"index"}
    assert set(re.findall(r"\(([a-z-]+)\.md\)", (PAGES / "index.md").read_text())) == pages
    source = Path(__file__).read_text()
    assert {page for page in pages if not re.search(f'"{page}(\\.md)?"', source)} == set()


@pytest.mark.one_database
def test_find_a_slow_save(make: Make) -> None:
    """The query names the receiver that took the most time."""
    queries = code("find-a-slow-save")[-1]
    told = make().python(f"""
import time, signal_log
from django.db.models.signals import post_save
from shop.models import Customer

def dawdle(**_):
    Customer.objects.count()
    time.sleep(0.03)

post_save.connect(dawdle, sender=Customer)
with signal_log.context(source="task"):
    Customer.objects.create(name="ada")
{queries}""")
    (receiver,) = [line for line in told.splitlines() if "dawdle" in line]
    assert re.fullmatch(r" +\d+\.\d ms in 1 calls, 1 queries  .*dawdle", receiver)


@pytest.mark.one_database
def test_mask_a_field(make: Make) -> None:
    """The command names what the settings mask; nothing of it, and nothing that is excluded, is in the log."""
    project = make(code("mask-a-field")[0])
    told = project.python(f"""
import json
from django.utils import timezone
from shop.models import Customer
from signal_log import SignalEvent
{call(*commands("mask-a-field", "signal_log_masks"))}
Customer.objects.create(name="ada", iban="DE02120300000000202051", last_seen=timezone.now())
print(json.dumps(SignalEvent.objects.get(signal="post_save", sender="shop.Customer").changes))""")
    assert re.search(r"^shop\.Customer\.iban +.*MASK_FIELDS", told, re.MULTILINE)
    assert re.search(r"^shop\.Customer\.notes +.*MASK_FIELDS", told, re.MULTILINE)
    changes = json.loads(told.splitlines()[-1])
    assert set(changes) == {"id", "name", "iban", "notes"}
    assert "DE02" not in json.dumps(changes)
    assert changes["name"] == [None, "ada"]


@pytest.mark.one_database
def test_record_reads(make: Make) -> None:
    """What the page's view shows is in the log, with the path and who has looked."""
    settings, view = code("record-reads")
    project = make(settings)
    (project.folder / "customer.html").write_text("{{ customer.name }}")
    told = project.python(f"""
from unittest.mock import patch
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import RequestFactory
from signal_log import SignalEvent
from signal_log.capture.middleware import SignalLogMiddleware
{view}
ada = Customer.objects.create(name="ada")
request = RequestFactory().get("/customers/1/")
request.user = User.objects.create_superuser("root")
with patch(f"{{__name__}}.render", return_value=HttpResponse("shown")):
    SignalLogMiddleware(lambda request: customer_page(request, ada.pk))(request).close()
seen = SignalEvent.objects.get(signal="accessed")
print(seen.sender, seen.object_pk == str(ada.pk), seen.actor_repr, seen.path)""")
    assert told.splitlines()[-1] == "shop.Customer True root /customers/1/"


@pytest.mark.one_database
def test_ask_for_reasons(make: Make) -> None:
    """A customer is added in the admin with a reason, and not without one."""
    project = make(code("ask-for-reasons")[0] + ADMIN)
    project.write("urls.py", "from django.contrib import admin\nfrom django.urls import path\n"
                  'urlpatterns = [path("admin/", admin.site.urls)]\n')  # fmt: skip
    project.write("shop/admin.py", "from django.contrib import admin\nfrom shop.models import Customer\n"
                  "admin.site.register(Customer)\n")  # fmt: skip
    told = project.python("""
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from shop.models import Customer
from signal_log import SignalEvent
call_command("migrate", verbosity=0)
client = Client(SERVER_NAME="localhost")
client.force_login(User.objects.create_superuser("root"))
posted = {"name": "ada", "iban": "x", "notes": "y", "last_seen_0": "2026-11-28", "last_seen_1": "10:00"}
print(client.post("/admin/shop/customer/add/", posted).status_code, Customer.objects.count())
print(client.post("/admin/shop/customer/add/", {**posted, "signal_log_reason": "By mail."}).status_code)
print(SignalEvent.objects.get(signal="post_save", sender="shop.Customer").labels)""")
    assert told.splitlines()[-3:] == ["200 0", "302", "{'reason': 'By mail.'}"]


@pytest.mark.one_database
def test_get_alerts(make: Make) -> None:
    """The settings are accepted; somebody who becomes staff is told to the address, once."""
    project = make(code("get-alerts")[0] + 'EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"\n')
    told = project.python("""
from concurrent.futures import ThreadPoolExecutor
from django.contrib.auth.models import User
from django.core.management import call_command
from signal_log.audit import alerts
call_command("check")
user = User.objects.create(username="ada")
with ThreadPoolExecutor(1) as thread:  # as the thread of a server does
    thread.submit(alerts.step).result()
    user.is_staff = True
    user.save()
    for _ in range(3):
        thread.submit(alerts.step).result()
    thread.submit(alerts.close).result()
""")
    assert told.count("Subject: [signal_log] somebody became staff: 1 event") == 1
    assert "To: security@example.org" in told


@pytest.mark.one_database
def test_keep_ninety_days(make: Make) -> None:
    """The settings are accepted, the log tells how much it grows, and a month is exported whole."""
    settings, count = code("keep-ninety-days")
    project = make(settings)
    told = project.python(f"""
from shop.models import Customer
from signal_log import SignalEvent
for number in range(70):
    Customer.objects.create(name=str(number))
{count}{call(["check"], *commands("keep-ninety-days", "signal_export"))}
from signal_log.seal.grow import begin_tree, grow
tree = begin_tree("here/log/1")
while grow(tree, 2**62): pass
{call(*commands("keep-ninety-days", "signal_prune"))}""")
    assert told.count("Pruned 0 events.") == 2
    (each_day,) = re.findall(r"^(\d+) events a day$", told, re.MULTILINE)
    assert int(each_day) >= 140 // 7
    last = json.loads((project.folder / "october.jsonl").read_text().splitlines()[-1])
    assert last["end"]["sha256"]


@pytest.mark.one_database
def test_erase_a_person(make: Make) -> None:
    """The page's own commands: a dry run, the redaction, a hold that forbids another, and its release."""
    dry, held, released = commands("erase-a-person", "signal_redact", "signal_hold")
    project = make()
    wet = [word for word in dry if word != "--dry-run"]
    told = project.python(f"""
from django.contrib.auth.models import User
for key in (42, 43):
    User.objects.create_user("quillon", pk=key).delete()
{call(dry, wet, [word.replace("42", "43") for word in held])}
try:
    call_command(*{[word.replace("42", "43") for word in wet]!r})
except SystemExit as error:
    print("exit", error.code)
except Exception as error:
    print(error)
{call([word.replace("42", "43") for word in released])}
from signal_log import SignalEvent
print(SignalEvent.objects.filter(object_pk="42").count(), SignalEvent.objects.filter(object_pk="43").count())""")
    assert "Would be erased: 4 events" in told
    assert "Were erased: 4 events" in told
    assert "cannot be redacted: hold" in told
    assert told.splitlines()[-1] == "0 4"


@pytest.mark.one_database
def test_test_with_it(make: Make) -> None:
    """The examples' tests pass in a project; with its settings a silent write is refused where it stands."""
    fixture, tests, settings = code("test-with-it")
    project = make(settings)
    tests += """
    def test_a_silent_write(self):
        with self.assertRaises(SilentWriteRefused):
            User.objects.update(first_name="all")
"""
    project.write("shop/tests.py", f"from signal_log.errors import SilentWriteRefused\n{tests}")
    done = project._process(["-m", "django", "test", "shop"], {})
    assert "Ran 3 tests" in done.stderr
    assert done.returncode == 0, done.stderr
    project.write("test_fixture.py", fixture)
    assert "2 passed" in project._run(["-m", "pytest", "-p", "signal_log.pytest_plugin", "test_fixture.py"], {})


@pytest.mark.one_database
def test_run_on_servers(make: Make) -> None:
    """The settings pass the checks, and Django finds the layer, the pool and the middleware where they belong."""
    (static,) = code("use-gunicorn-or-uvicorn")
    layer, pool = code("run-on-four-servers")
    project = make(f"""
from pathlib import Path
BASE_DIR = Path(".")
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware"]
{static}
{layer}
kept = dict(DATABASES["default"])
{pool}
POOL = DATABASES["default"]
DATABASES["default"] = kept
""")
    told = project.python(f"""
from django.conf import settings
from channels.layers import get_channel_layer
{call(["check"])}
print(type(get_channel_layer()).__name__, settings.POOL["OPTIONS"]["pool"]["max_size"], *settings.MIDDLEWARE)""")
    layer_class, size, *middleware = told.splitlines()[-1].split()
    assert (layer_class, size) == ("RedisPubSubChannelLayer", "16")
    assert [name.rpartition(".")[2] for name in middleware] == ["SecurityMiddleware", "WhiteNoiseMiddleware"]


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
def test_countersign_each_other(make: Make, tmp_path: Path) -> None:
    """One project's witness countersigns the log of another, which names it in its settings; and so the other way."""
    page = "countersign-each-other"
    a = make()
    b = a.copy(tmp_path / "other")
    log = new_signer("b.example/1", ED25519)
    write_key(b.folder / "seal.key", log)
    init, serve = commands(page, "signal_witness")
    vkey = a.manage(*(str(log.vkey()) if word == "$LOG_OF_B" else word for word in init)).strip()
    with a.serving(*(word.replace(":8765", ":0") for word in serve)) as url:
        (block,) = code(page)
        configure(b, block.replace("https://b.example", url).replace("b.example/witness+…", vkey))
        configure(b, 'SIGNAL_LOG |= {"SEAL_ORIGIN": "b.example", "SEAL_KEYS": ["seal.key"]}')
        assert "is signed, countersigned by 1 of 1 witnesses." in b.manage("signal_seal")
        newest = newest_from(f"{url}/witness", vkey, log.name, [log.vkey()])
    assert newest is not None
    assert newest.checkpoint.size > 0


@pytest.mark.one_database
def test_seal_the_log(make: Make, tmp_path: Path) -> None:
    """The page's commands and settings: a key, a round, and another generation after the newest events were lost."""
    project = make()
    init, once, signer, generation = commands("seal-the-log", "signal_seal")
    assert signer[1:3] == ["signer", "--listen"]
    key = f"{tmp_path}/seal.key"
    assert key in project.manage(*(key if word.endswith(".key") else word for word in init))
    (settings,) = code("seal-the-log")
    configure(project, settings.replace("/srv/shop/seal/log.key", key))
    told = project.python(f"""
from shop.models import Customer
from signal_log.models import SealTree
Customer.objects.create(name="Ada")
{call(once)}
tree = SealTree.objects.get()
SealTree.objects.update(last_id=0, size=0, subtrees=b"")
SealTree.objects.update(after_id=tree.last_id - 1, last_id=tree.last_id - 1)
try:
    call_command(*{once!r})
except Exception as error:
    print(error.returncode, error)
{call(generation, once)}""")
    said = told.splitlines()
    assert said[0].endswith("Checkpoint 1 is signed.")
    assert said[1].startswith("1 Sealing has stopped. The log was rewound: ")
    assert said[2].startswith("shop.example/log/2 goes on from shop.example/log/1 of ")
    assert said[3].endswith("Checkpoint 1 is signed.")
