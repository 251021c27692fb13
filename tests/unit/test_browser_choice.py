"""Which browser the tests drive: the one that is named, the one that is the same for everybody, the machine's."""

from __future__ import annotations

from pathlib import Path

from tests.servers import browser


def test_the_named_one_goes_before_that_in_var_and_that_before_the_machines(monkeypatch, tmp_path):
    """A machine without any has none."""
    unpacked = tmp_path / "chromium"
    monkeypatch.setattr(browser, "UNPACKED", unpacked)
    monkeypatch.setattr(browser.shutil, "which", {"chrome": "/usr/bin/chrome"}.get)
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert browser.executable() == Path("/usr/bin/chrome")
    unpacked.touch()
    assert browser.executable() == unpacked
    monkeypatch.setenv("CHROMIUM", "/opt/chromium")
    assert browser.executable() == Path("/opt/chromium")
    monkeypatch.delenv("CHROMIUM")
    unpacked.unlink()
    monkeypatch.setattr(browser.shutil, "which", lambda name: None)
    assert browser.executable() is None
