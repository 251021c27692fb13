"""Says which lines of JavaScript are longer than a screen is wide: no formatter breaks the markup inside a template."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MOST = 120
LOOKED_AT = ("signal_log/static/signal_log/js", "tests/js", "tests/benchmarks")


def long_lines(path: Path) -> list[str]:
    """The places of a file where a line is too long, as an editor understands them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    name = path.relative_to(ROOT)
    return [f"{name}:{number}: {len(line)} columns" for number, line in enumerate(lines, 1) if len(line) > MOST]


def main() -> None:
    """Look at every file; exit with 1 when a line is too long."""
    files = [path for folder in LOOKED_AT for path in sorted((ROOT / folder).rglob("*.js"))]
    if not files:
        sys.exit("line_length.py: no file was found")
    found = [place for path in files for place in long_lines(path)]
    if found:
        sys.exit("\n".join([*found, f"A line has at most {MOST} columns."]))


if __name__ == "__main__":
    main()
