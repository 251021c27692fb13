"""Copies the front-end files that the app ships from node_modules/ to its static directory, with their licences.

Bare specifiers (`from "preact"`) become relative, so that pages need no import map. References to source maps that are
not shipped are removed, because the hashing static files storage would look for the files.
"""

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "node_modules"
TARGET = ROOT / "signal_log" / "static" / "signal_log" / "vendor"

# The name that pages import -> the file in node_modules.
FILES = {
    "preact.js": "preact/dist/preact.mjs",
    "htm.js": "htm/dist/htm.mjs",
    "htm-preact.js": "htm/preact/index.mjs",
}
SPECIFIERS = {
    "preact": "./preact.js",
    "htm": "./htm.js",
}
# For the type checker only, never shipped: what a page imports has the types of the packages themselves.
TYPES = {"htm-preact.d.ts": 'export { Component, h, render } from "preact";\nexport { html } from "htm/preact";\n'}
LICENCES = ("preact", "htm")

IMPORT = re.compile(r"""(\bfrom\s*|\bimport\s*)(["'])([^"'\s]+)\2""")
SOURCE_MAP = re.compile(r"\n?(?://[#@]\s*sourceMappingURL=\S+|/\*[#@]\s*sourceMappingURL=.*?\*/)\s*$")


def relative(match: re.Match[str]) -> str:
    """The import with a relative specifier; exits on an unknown bare one."""
    keyword, quote, specifier = match.groups()
    if not specifier.startswith("."):
        if specifier not in SPECIFIERS:
            sys.exit(f"vendor.py: no file is configured for the import {specifier!r}")
        specifier = SPECIFIERS[specifier]
    return f"{keyword}{quote}{specifier}{quote}"


def main() -> None:
    """Rebuild the directory and replace it once complete, which also removes files no longer listed."""
    new = TARGET.with_name("vendor.new")
    shutil.rmtree(new, ignore_errors=True)
    (new / "licences").mkdir(parents=True)
    for name, source in FILES.items():
        text = SOURCE_MAP.sub("\n", (PACKAGES / source).read_text(encoding="utf-8"))
        if name.endswith(".js"):
            text = IMPORT.sub(relative, text)
        (new / name).write_text(text, encoding="utf-8")
    for name, text in TYPES.items():
        (new / name).write_text(text, encoding="utf-8")
    for package in LICENCES:
        name = package.replace("@", "").replace("/", "-") + ".txt"
        shutil.copyfile(PACKAGES / package / "LICENSE", new / "licences" / name)
    shutil.rmtree(TARGET, ignore_errors=True)
    new.rename(TARGET)


if __name__ == "__main__":
    main()
