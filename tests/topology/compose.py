"""Reads docker-compose.yml the way compose does, as far as the tests need it."""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::-(?P<default>[^}]*))?\}")
WEB = ("web1", "web2")
PROFILES = {"relay": {"relay"}, "archive": {"archive"}, "witness": {"witness"}, "small": {"small", "small-web"}}
"""The services of each profile; all others run without one."""


class Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, as compose does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
        return super().construct_mapping(node, deep)


@cache
def read() -> dict[str, Any]:
    """Return the file with its anchors resolved and its variables not."""
    loaded: dict[str, Any] = yaml.load((ROOT / "docker-compose.yml").read_text(), Loader)  # noqa: S506  a safe one
    return loaded


def services() -> dict[str, Any]:
    """Return the services by name."""
    found: dict[str, Any] = read()["services"]
    return found


def example() -> dict[str, str]:
    """Return the variables of .env.example with the values given there."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def variables_used() -> set[str]:
    """Return the names of all variables that the file refers to."""
    return {match["name"] for match in VARIABLE.finditer((ROOT / "docker-compose.yml").read_text())}


def environment(service: str, values: dict[str, str]) -> dict[str, str]:
    """Return the environment of a service, with its variables replaced by the values given or by their defaults."""
    return {name: filled(text, values) for name, text in services()[service]["environment"].items()}


def command(service: str, values: dict[str, str], *, health: bool = False) -> list[str]:
    """Return the words of a service's command, or of its health check, in the same way."""
    found = services()[service]
    return [filled(word, values) for word in (found["healthcheck"]["test"][1:] if health else found["command"])]


def filled(text: str, values: dict[str, str]) -> str:
    """Return a text with its variables replaced by the values given or by their defaults."""
    return VARIABLE.sub(lambda match: values.get(match["name"]) or match["default"] or "", text)


def secret_files() -> set[str]:
    """Return the names of the files that hold the secrets."""
    folder = "./deploy/secrets/"
    files = [secret["file"] for secret in read()["secrets"].values()]
    assert all(file.startswith(folder) for file in files)
    return {file.removeprefix(folder) for file in files}


def make_secrets(project: Path, profiles: str = "") -> dict[str, str]:
    """Run deploy/secrets.sh in a copy of it inside the folder, with these profiles; return what it has made."""
    (project / "deploy").mkdir(exist_ok=True)
    script = shutil.copy(ROOT / "deploy" / "secrets.sh", project / "deploy")
    chosen = os.environ | {"COMPOSE_PROFILES": profiles}
    subprocess.run(["sh", script], env=chosen, check=True, capture_output=True)
    return {file.name: file.read_text().strip() for file in (project / "deploy" / "secrets").iterdir()}
