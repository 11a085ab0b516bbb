"""Options and settings of the whole suite."""

import os
from pathlib import Path

import hypothesis
import jax
import pytest
import torch

from parity_tests import tolerances
from parity_tests.helpers.selection import assign_parts, read_part

# What JAX compiles at its first call takes longer than Hypothesis would wait, and each example
# may compile anew: so they are few. `make test` takes the quick profile.
hypothesis.settings.register_profile("compiled", deadline=None, max_examples=40)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=3)
hypothesis.settings.load_profile("compiled")

# The models here are small: a second thread would wait more than it works, and on a shared
# machine spin. One thread also makes sums repeatable.
torch.set_num_threads(1)

# On a GPU both frameworks would otherwise multiply in TF32, with a tenth of the digits.
jax.config.update("jax_default_matmul_precision", "highest")
torch.backends.cudnn.allow_tf32 = False
torch.backends.cuda.matmul.allow_tf32 = False

MAX_MAPS = 20_000
"""Memory maps of a process before it forgets compiled programs; Linux allows 65,530."""

MAX_RESIDENT = 1.5 * 2**30
"""Resident memory in bytes before it does: two workers must fit into a small machine."""


def pytest_addoption(parser):
    parser.addoption(
        "--record", action="store_true", help="write the measured maxima to measured.json"
    )
    parser.addoption(
        "--part",
        metavar="K/N",
        type=read_part,
        help="run part K of N of what `make test` omits: the tests marked slow, and all random "
        "examples of the tests that draw them; without paths it takes the form --part=K/N",
    )


def pytest_report_header(config):
    if config.getoption("part") is not None:
        k, n = config.getoption("part")
        return f"selection: part {k} of {n} of the tests that `make test` omits, from 0 to {n - 1}"
    if config.getoption("markexpr") != "not slow":
        return "selection: all tests, unless other options select some of them"
    names = ("compiled", config.getoption("--hypothesis-profile") or "compiled")
    all_examples, examples = (hypothesis.settings.get_profile(name).max_examples for name in names)
    return (
        "selection: every kind of test. This run omits tests marked slow (more variants, long "
        f"runs) and draws {examples} random examples where a full run draws {all_examples}. "
        "`make test-all` runs everything."
    )


def is_omitted(item):
    """Return whether `make test` omits a test, or some of its random examples."""
    is_random = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    return is_random or item.get_closest_marker("slow") is not None


def pytest_collection_modifyitems(config, items):
    if config.getoption("part") is None:
        return
    k, n = config.getoption("part")
    parts = assign_parts([item.nodeid for item in items if is_omitted(item)], n)
    config.hook.pytest_deselected(items=[item for item in items if parts.get(item.nodeid) != k])
    items[:] = [item for item in items if parts.get(item.nodeid) == k]


def pytest_sessionfinish(session, exitstatus):
    if session.config.getoption("--record"):
        tolerances.record()


@pytest.fixture
def x64():
    """Switch float64 on in JAX for one test."""
    with jax.enable_x64(True):
        yield


def has_large_memory():
    """Return whether this process has many memory maps or much memory; Linux alone can tell."""
    maps, pages = Path("/proc/self/maps"), Path("/proc/self/statm")
    if not maps.exists() or not pages.exists():
        return False
    resident = int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resident > MAX_RESIDENT or len(maps.read_bytes().splitlines()) > MAX_MAPS


@pytest.fixture(autouse=True, scope="module")
def without_old_programs():
    """Forget what JAX compiled before thousands of programs use up memory or its maps."""
    yield
    if has_large_memory():
        jax.clear_caches()
