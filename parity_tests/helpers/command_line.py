"""The command line run within this process."""

import contextlib
import io
import json
from typing import NamedTuple

import jax
import torch

from zootorch.cli import main


class Result(NamedTuple):
    code: int
    out: str
    err: str


def zoo(*args):
    """Run `zoo` with these arguments; settings of the frameworks are as before afterwards."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    before = jax.config.read("jax_enable_x64"), torch.get_num_threads()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(arg) for arg in args])
        except SystemExit as stop:
            code = stop.code
    jax.config.update("jax_enable_x64", before[0])
    torch.set_num_threads(before[1])
    return Result(code, out.getvalue(), err.getvalue())


def succeed(*args):
    """Run `zoo`, which must end well."""
    result = zoo(*args)
    assert result.code == 0, result.err
    return result


def read(path):
    """Return what a JSON file holds; a number that JSON has not is refused."""

    def refuse(constant):
        raise AssertionError(f"{path} holds {constant}")

    return json.loads(path.read_text(), parse_constant=refuse)
