"""`make test` omits some tests; the parts of them that CI runs in turn make the whole."""

import argparse
import collections
import re
import subprocess
import sys
from pathlib import Path

import pytest

from parity_tests.helpers.selection import assign_parts, read_part

ROOT = Path(__file__).parents[2]
NUM_PARTS = int(re.search(r"^NUM_PARTS=(\d+)$", (ROOT / ".ci/run").read_text(), re.M)[1])
NODE_IDS = [
    *(f"tests/test_a.py::test_one[{number}]" for number in range(2 * NUM_PARTS)),
    *(f"tests/test_b.py::test_number_{number}" for number in range(100)),
]


def test_every_test_is_in_one_part_and_variants_spread_over_all():
    parts = assign_parts(NODE_IDS, NUM_PARTS)
    assert list(parts) == NODE_IDS
    assert set(parts.values()) == set(range(NUM_PARTS))
    of_variants = collections.Counter(parts[node_id] for node_id in NODE_IDS[: 2 * NUM_PARTS])
    assert set(of_variants.values()) == {2}


def test_a_test_stays_in_its_part_whatever_other_tests_there_are():
    parts = assign_parts(NODE_IDS, NUM_PARTS)
    assert assign_parts(NODE_IDS[30:], NUM_PARTS) == dict(list(parts.items())[30:])


def test_every_process_assigns_the_same_parts():
    code = f"from parity_tests.helpers.selection import *; print(assign_parts({NODE_IDS}, 8))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(assign_parts(NODE_IDS, 8))


@pytest.mark.parametrize("text", ["3", "8/8", "-1/8", "0/0", "a/b", "1/2/3"])
def test_a_part_that_is_not_k_of_n_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="must be K/N with 0 <= K < N, got"):
        read_part(text)
    assert read_part("7/8") == (7, 8)
