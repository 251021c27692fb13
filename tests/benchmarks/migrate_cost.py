"""How much processor time `migrate` of a large site takes with every model observed: ``python -m ...migrate_cost``.

Django renders a class for each model and each state of it, thousands on a large site, and each is announced as if it
were a model of the host's. The two contestants take turns, and the ratio of their medians travels between machines.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
CONTESTANTS = {"without the app": "False", "with every model observed": "True"}

SETTINGS = """
import os
SECRET_KEY = "for-a-benchmark-only"
USE_TZ = True
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", *{apps!r}]
SILENCED_SYSTEM_CHECKS = ["signal_log.W002"]
if {observed}:
    INSTALLED_APPS += ["signal_log"]
    SIGNAL_LOG = {{"MODELS": ["*"]}}
"""
MODEL = """
class Model{number}(models.Model):
    name = models.CharField(max_length=50)
    text = models.TextField(blank=True)
    count = models.IntegerField(default=0)
    at = models.DateTimeField(null=True)
    data = models.JSONField(default=dict)
    before = models.ForeignKey("{before}", models.CASCADE, null=True, related_name="+")
"""
CHANGE = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("{app}", "{last}")]
    operations = [
        migrations.AddField("model{number}", "added_{step}", models.IntegerField(null=True))
        for number in range({models})
    ]
"""


def make_site(folder: Path, apps: int, models: int, steps: int) -> None:
    """Write a site of many apps, each with its models and a history of migrations."""
    names = [f"app{number}" for number in range(apps)]
    for observed in CONTESTANTS.values():
        (folder / f"settings_{observed}.py").write_text(SETTINGS.format(apps=names, observed=observed))
    for at, name in enumerate(names):
        (folder / name / "migrations").mkdir(parents=True)
        (folder / name / "__init__.py").touch()
        (folder / name / "migrations" / "__init__.py").touch()
        before = f"{names[at - 1]}.Model0" if at else "auth.User"
        rows = (MODEL.format(number=number, before=before) for number in range(models))
        (folder / name / "models.py").write_text("from django.db import models\n" + "\n".join(rows))
    environment = environment_of(folder, "False")
    subprocess.run([sys.executable, "-m", "django", "makemigrations", "-v0", *names], env=environment, check=True)
    for name in names:
        for step in range(steps):
            last = "0001_initial" if step == 0 else f"{step + 1:04}_step"
            text = CHANGE.replace("{number}", "{{number}}").format(app=name, last=last, step=step, models=models)
            text = text.replace('"model{number}"', 'f"model{number}"')
            (folder / name / "migrations" / f"{step + 2:04}_step.py").write_text(text)


def environment_of(folder: Path, observed: str) -> dict[str, str]:
    """The environment of a process of the site."""
    path = os.pathsep.join((str(folder), str(ROOT)))
    return os.environ | {"DJANGO_SETTINGS_MODULE": f"settings_{observed}", "PYTHONPATH": path}


def seconds(folder: Path, observed: str) -> float:
    """The processor time of one ``migrate`` on an empty database."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "django", "migrate", "-v0"], env=environment_of(folder, observed), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(apps: int = 20, models: int = 10, steps: int = 4, rounds: int = 3) -> dict[str, list[float]]:
    """Processor times by contestant, in seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_site(folder, apps, models, steps)
        times: dict[str, list[float]] = {contestant: [] for contestant in CONTESTANTS}
        for _ in range(rounds):
            for contestant, observed in CONTESTANTS.items():
                times[contestant].append(seconds(folder, observed))
        return times


def ratio(times: dict[str, list[float]]) -> float:
    """How many times the processor time of ``migrate`` without the app."""
    without, observed = (median(times[contestant]) for contestant in CONTESTANTS)
    return observed / without


def main() -> None:
    """Print the times and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.migrate_cost", description=__doc__.split("\n")[0])
    for name, default in (("apps", 20), ("models", 10), ("steps", 4), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true", help="every single time")
    options = vars(parser.parse_args())
    as_json = options.pop("json")
    times = measure(**options)
    if as_json:
        print(json.dumps(times))
        return
    for contestant, taken in times.items():
        print(f"{contestant}: {median(taken):.2f} s")
    print(f"ratio: {ratio(times):.2f}")


if __name__ == "__main__":
    main()
