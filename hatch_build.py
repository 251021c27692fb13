"""The build of the wheel: it is whole, or there is none. Without its front-end files the live page would be empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR: Final = "signal_log/static/signal_log/vendor"
NEEDED: Final = ("preact.js", "preact-hooks.js", "htm.js", "htm-preact.js", "licences/preact.txt", "licences/htm.txt")


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
