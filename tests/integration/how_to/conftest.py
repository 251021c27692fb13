"""A project with an app of its own, as the readers of how-to pages have one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.host_project import HostProject
from tests.integration.how_to.pages import ALONE, NOTHING, SHOP, Make, configure


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
