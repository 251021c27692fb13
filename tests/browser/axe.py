"""What axe-core objects to on a page; evaluated by the debugger, which the page's policy does not hinder."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.servers.daphne import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """Each violation with the element and what is wrong about it."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:160]}" for one in found for node in one["nodes"]
    ]
