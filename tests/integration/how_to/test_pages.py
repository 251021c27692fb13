"""How-to pages: each is listed, and what it has its reader do works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.integration.how_to.pages import PAGES, Make, call, code, commands


@pytest.mark.one_database
def test_every_page_is_listed_and_tried() -> None:
    """The index leads to all pages, and each is read by a test of this folder."""
    pages = {path.stem for path in PAGES.glob("*.md")} - {"index"}
    assert set(re.findall(r"\(([a-z-]+)\.md\)", (PAGES / "index.md").read_text())) == pages
    source = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
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
