"""The backends as the command line sees them: imported when they are used."""

import importlib
from typing import Any, Literal

from zoojax.common.memory import keep_freed_memory

Backend = Literal["jax", "torch"]
PACKAGES = {"jax": "zoojax", "torch": "zootorch"}


def package(backend: str, module: str) -> Any:
    """Import a module of a backend; a missing framework is one clear line."""
    try:
        return importlib.import_module(f"{PACKAGES[backend]}.{module}")
    except ModuleNotFoundError as error:
        raise ValueError(
            f"backend {backend} needs {error.name}: pip install 'zooparity[{backend}]'"
        ) from None


def prepare(backend: str, *, dtype: str, waves: bool) -> None:
    """Set for this program what a run needs: float64 where it is asked for, and no TF32.

    On a GPU both frameworks else convolve with a tenth of float32's digits. Memory is kept, since
    on a CPU both are much faster with it.

    Args:
        backend: "jax" or "torch".
        dtype: "float64" switches it on in JAX.
        waves: whether the model is one of waves: of time steps so small that a second thread
            of torch gains nothing, and where another program runs costs a hundredfold, since
            threads wait for each other at every step.
    """
    keep_freed_memory()
    if backend == "jax":
        jax = package("jax", "random").jax
        if dtype == "float64":
            jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_default_matmul_precision", "highest")
    else:
        torch = package("torch", "random").torch
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        if waves:
            torch.set_num_threads(1)
