"""Data sets of sinusoids as folders.

A folder holds

- ``waves.npy``: (waves, length) float64;
- ``latents.csv``: one line a wave with all that decided it;
- ``card.json``: configuration, seed, number of each, version, and of every other file its
  size in bytes and its SHA-256.
"""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zoojax.common.storage.datasets.card import (
    CARD,
    LATENTS,
    Card,
    Format,
    read_dataset,
    write_dataset,
)
from zoojax.spec.config import SinusoidsConfig
from zoojax.spec.records import SinusoidBatch

WAVES = "waves.npy"
COLUMNS = ("index", *SinusoidBatch._fields[1:])
FORMAT = Format("sinusoids, 1", SinusoidsConfig, (WAVES, LATENTS))


def save_sinusoids(
    folder: str | Path, batch: SinusoidBatch[ArrayLike], card: Card[SinusoidsConfig]
) -> None:
    """Write a data set into a new folder, which appears whole or not at all.

    Args:
        folder: where to; must not exist.
        batch: all waves in order, as arrays of any backend.
        card: what they are.

    Raises:
        FileExistsError: when the folder exists.
        ValueError: when the batch holds other waves than the card says, or the card's number
            or seed is not allowed.
    """
    waves, *latents = (np.asarray(field, np.float64) for field in batch)
    shape = (card.num_samples, card.config.length)
    if waves.shape != shape:
        raise ValueError(f"the card says waves of shape {shape}, the batch holds {waves.shape}")

    def write(partial: Path) -> None:
        np.save(partial / WAVES, waves)
        with (partial / LATENTS).open("w", newline="", encoding="utf-8") as table:
            writer = csv.writer(table)
            writer.writerow(COLUMNS)
            writer.writerows(zip(range(len(waves)), *latents, strict=True))

    write_dataset(folder, FORMAT, card, write)


def load_sinusoids(
    folder: str | Path,
) -> tuple[SinusoidBatch[NDArray[np.float64]], Card[SinusoidsConfig]]:
    """Read a data set and check every file against the card.

    Args:
        folder: where from.

    Returns:
        the data set as a batch of float64 NumPy arrays, and its card.

    Raises:
        FileNotFoundError: when the card or a file is missing; names it.
        ValueError: when a file is not the one that was written; names it.
    """
    folder = Path(folder)
    card = read_dataset(folder, FORMAT)
    waves = np.load(folder / WAVES)
    shape = (card.num_samples, card.config.length)
    if waves.shape != shape:
        raise ValueError(
            f"{folder / CARD} is damaged: it says waves of shape {shape}, {WAVES} holds "
            f"{waves.shape}"
        )
    latents = np.loadtxt(folder / LATENTS, delimiter=",", skiprows=1, ndmin=2)
    return SinusoidBatch(waves, *latents.T[1:]), card
