"""Write the table of measured maxima into the README: `python parity_tests/readme_table.py`."""

import json
import re
from pathlib import Path

from tolerances import ALLOWED, MEASURED

README = Path(__file__).parents[1] / "README.md"
MARKS = re.compile(r"(<!-- parity table.*? -->\n).*(<!-- end of parity table -->)", re.DOTALL)


def table():
    """Return the Markdown table of `measured.json` beside `ALLOWED`."""
    measured = json.loads(MEASURED.read_text())
    rows = ["| relative difference of | largest measured | allowed |", "|---|---|---|"]
    rows += [f"| {n} | {measured[n]:.1e} | {ALLOWED[n]:.0e} |" for n in ALLOWED if n in measured]
    return "\n".join(rows) + "\n"


def with_table(text):
    """Return the README's text with the table in its place."""
    return MARKS.sub(lambda match: match[1] + table() + match[2], text)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
