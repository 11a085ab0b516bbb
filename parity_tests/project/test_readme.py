"""The README says what was measured, and its example runs."""

import html
import re

import pytest

from parity_tests import readme_table
from parity_tests.tolerances import ALLOWED


def test_the_readme_shows_the_measured_maxima():
    text = readme_table.README.read_text()
    assert len(readme_table.MARKS.findall(text)) == 2
    assert readme_table.with_tables(text) == text, "run python parity_tests/readme_table.py"


def test_everything_allowed_was_measured():
    assert set(readme_table.ALLOWED) == set(
        readme_table.json.loads(readme_table.MEASURED.read_text())
    )


def test_both_columns_of_the_example_end_in_the_same_loss():
    losses = []
    for block in re.findall(r'<pre lang="python">(.*?)</pre>', readme_table.README.read_text()):
        *lines, last = html.unescape(block).replace("num_each=50", "num_each=2").splitlines()
        names: dict = {}
        exec("\n".join(lines).replace("TrainConfig(", "TrainConfig(num_epochs=1, "), names)
        losses.append(eval(last, names))
    assert len(losses) == 2
    assert losses[0] == pytest.approx(losses[1], rel=ALLOWED["cnn: float32, ten steps"])
