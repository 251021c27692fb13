"""Puts the project's folder on the import path of the virtual environment this is run with.

So `.venv/bin/pytest` and a Python shell find the project from any folder, without
an editable install that would need to be remade.
"""

import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
(Path(sysconfig.get_path("purelib")) / "signal_observatory.pth").write_text(f"{ROOT}\n", encoding="utf-8")
