"""Every public name shows its real type: in mypy, and so in an editor."""

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = (
    "zoojax",
    "zoojax.conformal",
    "zoojax.data",
    "zoojax.metrics",
    "zoojax.spec.config",
    "zootorch",
    "zootorch.conformal",
    "zootorch.data",
    "zootorch.metrics",
)
NAMES = {name: sorted(importlib.import_module(name).__all__) for name in MODULES}

# As the __init__.py of both packages: the names come when they are used.
LAZY = """from zoojax.common.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
"""
REVEALED = re.compile(r'^\S+?:(\d+): note: Revealed type is "(.*)"$', re.MULTILINE)


def reveal(file, names, cache):
    """Return the type that mypy reveals of each name, one on each line of ``file``."""
    modules = sorted({name.rpartition(".")[0] for name in names})
    imports = "".join(f"import {module}\n" for module in modules)
    file.write_text(imports + "".join(f"reveal_type({name})\n" for name in names))
    options = ["--config-file", ROOT / "pyproject.toml", "--cache-dir", cache]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, file],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(file.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    found = [revealed for _, revealed in REVEALED.findall(result.stdout)]
    assert len(found) == len(names), result.stdout + result.stderr
    return dict(zip(names, found, strict=True))


@pytest.fixture(scope="module")
def revealed(tmp_path_factory, pytestconfig):
    """Return the type of every public name, and of one of a package with and without a stub."""
    folder = tmp_path_factory.mktemp("types")
    for package in ("stubbed", "bare"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text(LAZY)
    shutil.copy(ROOT / "zoojax" / "__init__.pyi", folder / "stubbed")
    names = [f"{module}.{name}" for module, public in NAMES.items() for name in public]
    names += ["stubbed.fit", "bare.fit"]
    # mypy keeps what it knows of the frameworks from one run of the tests to the next.
    return reveal(folder / "names.py", names, pytestconfig.cache.mkdir("mypy"))


def hides(shown):
    """Return whether a type, as mypy shows it, hides what a name is or how it is called."""
    has_no_signature = shown.startswith("def (*Any, **Any)") or "JitWrapped" in shown
    return shown == "Any" or shown.endswith("-> Any") or "Unknown" in shown or has_no_signature


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_shows_its_type(module, revealed):
    names = [f"{module}.{name}" for name in NAMES[module]]
    assert {name: revealed[name] for name in names if hides(revealed[name])} == {}


def test_no_parameter_takes_anything(revealed):
    """Only a batch does: its arrays may be of any backend, and its inputs made on demand."""
    untyped = {name for name, shown in revealed.items() if re.search(r"[(, ]\w+: Any\b", shown)}
    assert untyped == {"zoojax.Batch", "zootorch.Batch"}


def test_a_lazy_package_without_a_stub_shows_nothing(revealed):
    """The perturbed case: it shows that the names above might have been hidden."""
    assert hides(revealed["bare.fit"])
    assert revealed["stubbed.fit"] == revealed["zoojax.fit"]


@pytest.mark.parametrize("shown", ["jax._src.pjit.JitWrapped", "def (*Any, **Any) -> int"])
def test_a_function_without_a_signature_is_noticed(shown):
    assert hides(shown)


def test_a_compiled_function_shows_its_parameters(revealed):
    assert "state: zoojax.training.TrainState" in revealed["zoojax.train_step"]
