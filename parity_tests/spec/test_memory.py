"""Memory that is freed stays with the process when it is told to keep it."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
from zoojax.common.memory import keep_freed_memory
if {keep}:
    assert keep_freed_memory()
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b"x" * 40_000_000
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults)
"""
PAGES = 40_000_000 / 4096


def faults(*, keep):
    """Return how many pages a process had to get for a text like two it had before."""
    command = [sys.executable, "-c", PROGRAM.format(keep=keep)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc knows how")
def test_memory_is_kept_when_asked_for():
    assert faults(keep=False) > 0.9 * PAGES
    assert faults(keep=True) < 0.01 * PAGES


def test_another_c_library_is_left_alone(monkeypatch):
    from zoojax.common import memory

    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert memory.keep_freed_memory() is False
