"""Reads docker-compose.yml the way compose does, as far as the tests need it."""

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
    given = services()[service]["environment"]
    return {
        name: VARIABLE.sub(lambda match: values.get(match["name"]) or match["default"] or "", text)
        for name, text in given.items()
    }


def secret_files() -> set[str]:
    """Return the names of the files that hold the secrets."""
    folder = "./deploy/secrets/"
    files = [secret["file"] for secret in read()["secrets"].values()]
    assert all(file.startswith(folder) for file in files)
    return {file.removeprefix(folder) for file in files}


def make_secrets(project: Path) -> dict[str, str]:
    """Run deploy/secrets.sh in a copy of it inside the folder; return what it has made."""
    (project / "deploy").mkdir(exist_ok=True)
    script = shutil.copy(ROOT / "deploy" / "secrets.sh", project / "deploy")
    subprocess.run(["sh", script], check=True, capture_output=True)
    return {file.name: file.read_text().strip() for file in (project / "deploy" / "secrets").iterdir()}
