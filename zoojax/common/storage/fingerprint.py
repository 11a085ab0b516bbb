"""What tells one data set from another: types, shapes and a hash of the bytes."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from zoojax.spec.records import Batch
from zoojax.spec.types import Samples

CHUNK = 256
"""Samples that are looked at at once."""


def fingerprint(array: ArrayLike) -> dict[str, Any]:
    """Return kind, shape and SHA-256 of an array on the host, or of pictures not yet made."""
    if hasattr(array, "fingerprint"):
        return dict(array.fingerprint())
    array = np.ascontiguousarray(array)
    if array.dtype.kind == "i":
        array = array.astype(np.int64)  # the backends count in integers of other sizes
    sha256 = hashlib.sha256(array.data).hexdigest()
    return {"kind": array.dtype.kind, "shape": list(array.shape), "sha256": sha256}


def sha256_of(inputs: Samples) -> str:
    """Return the SHA-256 of the bytes of all samples in order, of pictures not yet made as well."""
    found = hashlib.sha256()
    for start in range(0, len(inputs), CHUNK):
        found.update(np.ascontiguousarray(inputs[start : start + CHUNK]).data)
    return found.hexdigest()


def simulated_fingerprint(shape: Sequence[int], about: tuple[object, ...]) -> dict[str, Any]:
    """Return kind, shape and SHA-256 of what decides pictures that are made when asked for.

    Args:
        shape: (samples, height, width, 3).
        about: all that decides them, as configurations, numbers and lists.
    """
    sha256 = hashlib.sha256(repr(about).encode()).hexdigest()
    return {"kind": "simulated", "shape": list(shape), "sha256": sha256}


def data_fingerprint(**datasets: Batch | None) -> dict[str, Any]:
    """Return the fingerprints of the inputs and targets of data sets, by their names."""
    return {
        f"{name} {field}": fingerprint(array)
        for name, dataset in datasets.items()
        if dataset is not None
        for field, array in dataset._asdict().items()
    }


def check_same_data(
    saved: Mapping[str, Any], ours: Mapping[str, Any], source: str, *, same_backend: bool
) -> None:
    """Raise ``ValueError`` unless data are those of a checkpoint.

    Args:
        saved: fingerprint in the checkpoint.
        ours: fingerprint of the data at hand.
        source: what error messages call the checkpoint.
        same_backend: whether both were made by one backend; two agree in floats to rounding
            only, so that of these the shapes are compared and not the bytes.
    """
    for name in dict.fromkeys((*saved, *ours)):
        there, here = saved.get(name), ours.get(name)
        if there is None or here is None:
            raise ValueError(f"{source} was trained {'with' if there else 'without'} {name}")
        is_exact = same_backend or here["kind"] != "f"
        for key in ("kind", "shape", *(["sha256"] if is_exact else [])):
            if there.get(key) != here[key]:
                raise ValueError(
                    f"{source} was trained with other {name}: their {key} is {there.get(key)}, "
                    f"here it is {here[key]}"
                )
