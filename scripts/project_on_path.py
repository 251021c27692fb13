"""Adds the project's directory to the import path of the virtual environment that runs this.

`.venv/bin/pytest` and a Python shell then find the project from any directory, without an editable install that would
have to be repeated.
"""

import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
(Path(sysconfig.get_path("purelib")) / "signal_observatory.pth").write_text(f"{ROOT}\n", encoding="utf-8")
