"""Lazy exports, after SPEC 1 of Scientific Python: a name is imported when it is used."""

import ast
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any


def attach(
    package: str, file: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    The package's stub, ``__init__.pyi``, says which name comes from which module, so that type
    checkers and Python read one and the same list.

    Args:
        package: name of the package.
        file: its ``__file__``.
    """
    stub = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    module_of = {alias.name: node.module for node in imports for alias in node.names}

    def __getattr__(name: str) -> Any:  # noqa: N807
        if not (module := module_of.get(name)):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(module), name)

    def __dir__() -> list[str]:  # noqa: N807
        return sorted(module_of)

    return __getattr__, __dir__, sorted(module_of)
