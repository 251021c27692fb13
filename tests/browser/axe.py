"""Runs axe-core on a page through the debugger, which the page's content security policy does not restrict."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.servers.daphne import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """Return each violation with its element and what is wrong with it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:160]}" for one in found for node in one["nodes"]
    ]
