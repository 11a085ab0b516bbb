"""Write the tables of measured maxima into the README: `python parity_tests/readme_table.py`."""

import json
import re
from pathlib import Path

from tolerances import ALLOWED, MEASURED

README = Path(__file__).parents[1] / "README.md"
MARKS = re.compile(
    r"(<!-- (first|other) rows, made by parity_tests/readme_table.py -->\n).*?(<!-- end -->)",
    re.DOTALL,
)

# What a reader wants to know first; the other rows stand further down.
FIRST = (
    "reference, ten Adam steps, losses",
    "float64, one step: loss, gradients, moments, statistics, weights",
    "float64, 1000 steps: losses",
    "float64, whole run: losses, weights",
    "float32, loss of step 0",
    "float32, ten steps: losses",
)


def table(names):
    """Return the Markdown table of `measured.json` beside `ALLOWED`."""
    measured = json.loads(MEASURED.read_text())
    rows = ["| relative difference of | largest measured | allowed |", "|---|---|---|"]
    rows += [f"| {n} | {measured[n]:.1e} | {ALLOWED[n]:.0e} |" for n in names if n in measured]
    return "\n".join(rows) + "\n"


def with_tables(text):
    """Return the README's text with the tables in their places."""
    names = {"first": FIRST, "other": [name for name in ALLOWED if name not in FIRST]}
    return MARKS.sub(lambda match: match[1] + table(names[match[2]]) + match[3], text)


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text()))
