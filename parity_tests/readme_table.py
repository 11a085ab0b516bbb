"""Write the tables of measured maxima into the README: `python parity_tests/readme_table.py`."""

import json
import re
from pathlib import Path

from parity_tests.tolerances import ALLOWED, MEASURED, MODELS, OF_EACH_MODEL

README = Path(__file__).parents[1] / "README.md"
MARKS = re.compile(
    r"(<!-- (models|other rows), made by parity_tests/readme_table.py -->\n).*?(<!-- end -->)",
    re.DOTALL,
)


def table_of_models():
    """Return a Markdown table of `measured.json`: a row a model, a column a kind of test."""
    measured = json.loads(MEASURED.read_text())
    rows = [["model", *OF_EACH_MODEL], ["---"] * (1 + len(OF_EACH_MODEL))]
    for model in MODELS:
        values = [measured.get(f"{model}: {what}") for what in OF_EACH_MODEL]
        rows.append([model.upper(), *("—" if v is None else f"{v:.1e}" for v in values)])
    rows.append(["allowed", *(f"{allowed:.0e}" for allowed in OF_EACH_MODEL.values())])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def table_of_others():
    """Return a Markdown table of `measured.json` beside `ALLOWED` of what is of no one model."""
    measured = json.loads(MEASURED.read_text())
    of_models = {f"{model}: {what}" for model in MODELS for what in OF_EACH_MODEL}
    rows = ["| relative difference of | largest measured | allowed |", "|---|---|---|"]
    rows += [
        f"| {name} | {measured[name]:.1e} | {allowed:.0e} |"
        for name, allowed in ALLOWED.items()
        if name not in of_models and name in measured
    ]
    return "\n".join(rows) + "\n"


def with_tables(text):
    """Return the README's text with the tables in their places."""
    tables = {"models": table_of_models(), "other rows": table_of_others()}
    return MARKS.sub(lambda match: match[1] + tables[match[2]] + match[3], text)


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text()))
