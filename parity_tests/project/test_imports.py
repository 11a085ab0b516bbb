"""Each package works alone: neither loads, nor needs, the other's framework."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
JAX = ("flax", "jax", "jaxlib", "optax")
TORCH = ("torch",)

# Runs in a process of its own: import the modules, touch every public name of each, and print
# which frameworks are loaded by then.
PROBE = """
import importlib, json, sys

modules, blocked = json.loads(sys.argv[1])

class Blocker:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker)
for name in modules:
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", ()):
        getattr(module, public)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def probe(*modules: str, blocked: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Import ``modules`` in a fresh process in which ``blocked`` packages cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps([modules, blocked])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def loaded(*modules: str, blocked: tuple[str, ...] = ()) -> set[str]:
    """Return the top-level packages loaded once ``modules`` and their public names are."""
    result = probe(*modules, blocked=blocked)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


def neutral_modules() -> list[str]:
    files = [file for room in ("spec", "common") for file in (ROOT / "zoojax" / room).rglob("*.py")]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in sorted(files)]
    assert {"zoojax.spec.config.runs", "zoojax.common.storage.runs"} < set(names)
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize(
    ("package", "foreign"),
    [("zoojax", (*TORCH, "zootorch")), ("zootorch", JAX), ("zootorch.cli", JAX)],
)
def test_import_loads_no_other_framework(package, foreign):
    assert loaded(package).isdisjoint(foreign)


@pytest.mark.parametrize(("package", "foreign"), [("zoojax", TORCH), ("zootorch", JAX)])
def test_every_public_name_works_without_the_other_framework(package, foreign):
    assert package in loaded(package, blocked=foreign)


def test_spec_and_common_work_without_any_framework():
    assert loaded(*neutral_modules(), blocked=JAX + TORCH).isdisjoint(JAX + TORCH)


def test_storage_loads_no_plotting():
    storage = [name for name in neutral_modules() if name.startswith("zoojax.common.storage")]
    assert loaded(*storage, blocked=("matplotlib",)).isdisjoint({"matplotlib"})


@pytest.mark.parametrize(("package", "own"), [("zoojax", "jax"), ("zootorch", "torch")])
def test_without_its_own_framework_a_package_fails(package, own):
    """The perturbed case: it shows that the block works and that names are really loaded."""
    result = probe(package, blocked=(own,))
    assert result.returncode != 0
    assert f"No module named '{own}" in result.stderr


DOCUMENTED = {
    "zoojax.data": "as_inputs batch_indices epoch_order in_batches split_indices standardise take "
    "windows",
    "zoojax.layers": "ACTIVATIONS Activation AvgPool2d BatchNorm Conv2d Dense Dropout Head "
    "LayerNorm MaxPool2d Variables activation_gradient",
    "zoojax.models": "MODELS layer_shapes model_of",
    "zoojax.spec.memory": "keep_freed_memory",
    "zoojax.spec.exercises": "check",
    "zootorch.data": "as_inputs batch_indices check_indices split_indices standardise take windows",
    "zootorch.layers": "ACTIVATIONS AvgPool2d Conv2d Dropout Head LayerNorm MaxPool2d "
    "activation_gradient seed_dropout",
    "zootorch.models": "MODELS layer_shapes load_pretrained model_of",
}
"""Places of the first release, in which programs and notebooks import names."""


@pytest.mark.parametrize("module", DOCUMENTED)
def test_names_stay_where_they_were_documented(module):
    found = importlib.import_module(module)
    missing = [name for name in DOCUMENTED[module].split() if not hasattr(found, name)]
    assert not missing


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the import contract of pyproject.toml on the packages in ``folder``."""
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_import_contract_holds():
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


FRAMEWORKS = "zoojax.spec and zoojax.common know no framework"
ROOMS = "the rooms of zoojax import one way"
TORCH_ROOMS = "the rooms of zootorch import one way"
STORAGE = "storage draws nothing"
NEUTRAL = "zootorch takes only zoojax.spec and zoojax.common from zoojax"
PROTECTED = "only cli imports zootorch.parity, and nothing imports cli"


@pytest.mark.parametrize(
    ("module", "line", "contracts"),
    [
        ("zoojax/extra.py", "import torch", ["zoojax knows nothing of torch", ROOMS]),
        ("zoojax/spec/extra.py", "from jax import numpy", [FRAMEWORKS]),
        ("zoojax/common/extra.py", "import optax", [FRAMEWORKS]),
        ("zoojax/spec/extra.py", "from zoojax.common import memory", [ROOMS]),
        (
            "zoojax/common/extra.py",
            "def late():\n    import zoojax.models.cells",
            [FRAMEWORKS, ROOMS],
        ),
        ("zoojax/models/extra.py", "from zoojax import training", [ROOMS]),
        ("zoojax/data/extra.py", "from zoojax import layers", [ROOMS]),
        ("zootorch/layers/extra.py", "from zootorch import models", [TORCH_ROOMS]),
        ("zoojax/common/storage/extra.py", "import matplotlib.figure", [STORAGE]),
        ("zoojax/common/storage/extra.py", "from zoojax.common import figures", [STORAGE]),
        ("zootorch/data/extra.py", "from zoojax import random", [NEUTRAL]),
        ("zootorch/data/extra.py", "def late():\n    import optax", [NEUTRAL]),
        ("zootorch/data/extra.py", "from zootorch import parity", [TORCH_ROOMS, PROTECTED]),
        ("zootorch/__init__.py", "from zootorch import parity", [PROTECTED]),
    ],
)
def test_import_contract_refuses(tmp_path, module, line, contracts):
    for package in ("zoojax", "zootorch"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / module).write_text(f'"""Breaks the contract."""\n\n{line}\n')
    result = lint_imports(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = [row for row in result.stdout.splitlines() if " BROKEN" in row]
    assert [row.partition(" BROKEN")[0] for row in broken] == contracts
