"""How-to pages about auditing: what they have their readers do works."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from signal_log.seal.keys.key import new_signer, write_key
from signal_log.seal.note import ED25519
from signal_log.seal.witness.call import newest_from
from tests.integration.how_to.pages import ADMIN, PAGES, Make, call, code, commands, configure


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
from signal_log.audit.alerts import sending
call_command("check")
sending.send_later = sending.send  # a process that ends drops what it has not sent
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
    pages = commands("keep-ninety-days", "signal_prune")
    prunes = [[word.replace("/srv", str(project.folder)) for word in one] for one in pages]
    told = project.python(f"""
from shop.models import Customer
from signal_log import SignalEvent
for number in range(70):
    Customer.objects.create(name=str(number))
{count}{call(["check"], *commands("keep-ninety-days", "signal_export"))}
from signal_log.seal.grow import begin_tree, grow
tree = begin_tree("here/log/1")
while grow(tree, 2**62): pass
{call(*prunes)}""")
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
    init, once, signer, generation, begin, watch = commands("seal-the-log", "signal_seal")
    public = tmp_path / "log"
    publish = ["signal_seal", "--publish", str(public)]
    assert watch == ["signal_seal", "--watch", "--publish", "/srv/www/log"]
    assert signer[1:3] == ["signer", "--listen"]
    assert begin[1:3] == ["begin", "shop.example/log/2"]
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
{call(generation, publish)}""")
    said = told.splitlines()
    assert said[0].endswith("Checkpoint 1 is signed.")
    assert said[1].startswith("1 Sealing has stopped. The log was rewound: ")
    named = re.match(r"(\S+)/2 goes on from \1/1 of ", said[2])
    assert named is not None
    assert "repeat each `signal_redact`" in said[3]
    assert said[4].endswith("Checkpoint 1 is signed.")
    assert (public / "checkpoint").read_text().startswith(f"{named[1]}/2\n")


@pytest.mark.one_database
def test_prove_it(make: Make, tmp_path: Path) -> None:
    """The log as a whole, and each event by its file alone, in a process that has no Django."""
    key = tmp_path / "log.key"
    project = make(f'SIGNAL_LOG = {{"MODELS": ["shop.*"], "SEAL_KEYS": ["{key}"], "SEAL_ORIGIN": "shop.example/log"}}')
    init = ["signal_seal", "init", "--key", str(key)]
    verify, with_key, export = commands("prove-it", "signal_verify", "signal_export")[:3]
    export = [str(tmp_path / word) if word == "proofs.zip" else word for word in export]
    export = [word.replace("auth.User/1", "shop.Customer/1") for word in export]
    told = project.python(f"""
from shop.models import Customer
Customer.objects.create(name="Ada")
{call(init, ["signal_seal"], verify, ["signal_seal", "vkey"], export)}""")
    assert with_key[:2] == ["signal_verify", "--vkey"]
    assert "Intact: " in told
    vkey = told.splitlines()[-1]
    with zipfile.ZipFile(tmp_path / "proofs.zip") as proofs:
        (name, *_) = sorted(proofs.namelist())
        proofs.extract(name, tmp_path)
    module = "signal_log.seal.verify"
    assert f"\npython -m {module} 4711.tlog-proof --vkey " in (PAGES / "prove-it.md").read_text()
    check = [sys.executable, "-m", module, tmp_path / name, "--vkey", vkey]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Proved.")
    (parts,) = re.findall(r"^seq .*", (PAGES / "prove-it.md").read_text(), re.MULTILINE)
    altered = parts.replace("python manage.py", f"{sys.executable} -m django")
    told = project.python(f"""
import subprocess
from django.db import connection
from signal_log import SignalEvent
connection.cursor().execute("DROP TRIGGER signal_log_signalevent_no_update")
SignalEvent.objects.update(object_repr="eve")
done = subprocess.run({altered!r}, shell=True, capture_output=True, text=True)
print(done.returncode, done.stdout.count("The log was tampered with"), done.stderr)""")
    assert told.split() == ["123", "1"]
