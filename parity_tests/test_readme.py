"""The README says what was measured."""

import readme_table


def test_the_readme_shows_the_measured_maxima():
    text = readme_table.README.read_text()
    assert readme_table.with_table(text) == text, "run python parity_tests/readme_table.py"


def test_everything_allowed_was_measured():
    assert set(readme_table.ALLOWED) == set(
        readme_table.json.loads(readme_table.MEASURED.read_text())
    )
