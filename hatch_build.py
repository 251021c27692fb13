"""The build of the wheel: it is whole, or there is none. Without its front-end files the live page would be empty."""

from __future__ import annotations

import atexit
import runpy
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR: Final = "signal_log/static/signal_log/vendor"
SCRIPTS: Final = "signal_log/static/signal_log/js"
NEEDED: Final = ("preact.js", "htm.js", "htm-preact.js", "licences/preact.txt", "licences/htm.txt")


class WholeOrNot(BuildHookInterface):
    """Runs before anything is put into a wheel or a source distribution."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Stop unless every front-end file is there; an editable installation may do without."""
        missing = [name for name in NEEDED if not (Path(self.root) / VENDOR / name).is_file()]
        if missing and version != "editable":
            raise SystemExit(
                f"The front-end files are not complete: {VENDOR} lacks {', '.join(missing)}.\n"
                "`make vendor` fetches them; `make dist` does that and builds."
            )
        if self.target_name == "wheel" and version != "editable":
            self._ship_scripts(build_data["force_include"])

    def _ship_scripts(self, included: dict[str, str]) -> None:
        """Scripts without their comments, in place of the source's."""
        root = Path(self.root)
        uncommented = runpy.run_path(str(root / "signal_log" / "uncommented.py"))["uncommented"]
        shipped = Path(mkdtemp(prefix="signal-log-scripts-"))
        atexit.register(shutil.rmtree, shipped, ignore_errors=True)
        for source in sorted((root / SCRIPTS).rglob("*.js")):
            name = source.relative_to(root)
            target = shipped / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(uncommented(source.read_text(encoding="utf-8")), encoding="utf-8")
            included[str(target)] = str(name)
