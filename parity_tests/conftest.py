"""Options and settings of the whole suite."""

import hypothesis
import jax
import pytest
import torch

from parity_tests import tolerances

# What JAX compiles at its first call takes longer than Hypothesis would wait, and each example
# may compile anew: so they are few.
hypothesis.settings.register_profile("compiled", deadline=None, max_examples=40)
hypothesis.settings.register_profile("ci", deadline=None, max_examples=12)
hypothesis.settings.load_profile("compiled")

# The models here are small: a second thread would wait more than it works, and on a shared
# machine spin. One thread also makes sums repeatable.
torch.set_num_threads(1)

# On a GPU both frameworks would otherwise multiply in TF32, with a tenth of the digits.
jax.config.update("jax_default_matmul_precision", "highest")
torch.backends.cudnn.allow_tf32 = False
torch.backends.cuda.matmul.allow_tf32 = False


def pytest_addoption(parser):
    parser.addoption(
        "--record", action="store_true", help="write the measured maxima to measured.json"
    )


def pytest_sessionfinish(session, exitstatus):
    if session.config.getoption("--record"):
        tolerances.record()


@pytest.fixture
def x64():
    """Switch float64 on in JAX for one test."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(autouse=True, scope="module")
def without_old_programs():
    """Forget what JAX compiled for the last file: thousands of programs use up memory maps."""
    yield
    jax.clear_caches()
