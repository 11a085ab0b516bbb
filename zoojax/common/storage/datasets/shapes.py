"""Data sets of shapes as folders.

A folder holds

- ``images.npy``: (images, height, width, 3) uint8;
- ``target_shape.txt``, ``target_color.txt``: a label name a line, as the workshop has them;
- ``latents.csv``: one line a picture with all that decided it;
- ``card.json``: configuration, seed, number of each, version, and of every other file its
  size in bytes and its SHA-256.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

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
from zoojax.spec.config import ShapesConfig
from zoojax.spec.records import ShapeBatch

IMAGES = "images.npy"
LABELS = {"shape": "target_shape.txt", "color": "target_color.txt"}
COLUMNS = ("index", "shape", "color", "red", "green", "blue", *ShapeBatch._fields[4:])
FORMAT = Format("coloured shapes, 1", ShapesConfig, (IMAGES, *LABELS.values(), LATENTS))


def save_shapes(
    folder: str | Path, batches: Iterable[ShapeBatch[ArrayLike]], card: Card[ShapesConfig]
) -> None:
    """Write a data set into a new folder, which appears whole or not at all.

    Args:
        folder: where to; must not exist.
        batches: the pictures in order, as arrays of any backend; one batch is in memory at
            a time.
        card: what they are.

    Raises:
        FileExistsError: when the folder exists.
        ValueError: when the batches hold other pictures than the card says, or the card's
            number or seed is not allowed.
    """
    write_dataset(folder, FORMAT, card, lambda partial: _write_pictures(partial, batches, card))


def _write_pictures(
    folder: Path, batches: Iterable[ShapeBatch[ArrayLike]], card: Card[ShapesConfig]
) -> None:
    """Write everything but the card."""
    config = card.config
    shape = (card.num_samples, config.image_height, config.image_width, 3)
    images = np.lib.format.open_memmap(folder / IMAGES, mode="w+", dtype=np.uint8, shape=shape)
    names = {target: np.array(config.class_names(target)) for target in LABELS}
    start = 0
    with (folder / LATENTS).open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        writer.writerow(COLUMNS)
        files = {
            target: (folder / name).open("w", encoding="utf-8") for target, name in LABELS.items()
        }
        for drawn in batches:
            batch = ShapeBatch(*(np.asarray(field) for field in drawn))
            stop = start + len(batch.images)
            if stop > len(images):
                raise ValueError(f"the card says {len(images)} pictures, the batches hold more")
            if batch.images.shape[1:] != shape[1:] or batch.images.dtype != np.uint8:
                raise ValueError(
                    f"the card says uint8 pictures of shape {shape[1:]}, a batch holds "
                    f"{batch.images.dtype} of {batch.images.shape[1:]}"
                )
            images[start:stop] = batch.images
            columns = [np.arange(start, stop)]
            for target, file in files.items():
                columns.append(names[target][getattr(batch, target)])
                file.writelines(f"{name}\n" for name in columns[-1])
            columns += [*batch.rgb.T, *(field.astype(int) for field in batch[4:])]
            writer.writerows(zip(*columns, strict=True))
            start = stop
        for file in files.values():
            file.close()
    if start != len(images):
        raise ValueError(f"the card says {len(images)} pictures, the batches hold {start}")
    images.flush()


def load_shapes(folder: str | Path) -> tuple[ShapeBatch[NDArray[Any]], Card[ShapesConfig]]:
    """Read a data set and check every file against the card.

    Args:
        folder: where from.

    Returns:
        the data set as a batch of NumPy arrays, its pictures mapped from disk and read when
        they are used, and its card.

    Raises:
        FileNotFoundError: when the card or a file is missing; names it.
        ValueError: when a file is not the one that was written; names it.
    """
    folder = Path(folder)
    card = read_dataset(folder, FORMAT)
    images = np.load(folder / IMAGES, mmap_mode="r")
    shape = (card.num_samples, card.config.image_height, card.config.image_width, 3)
    if images.shape != shape:
        raise ValueError(
            f"{folder / CARD} is damaged: it says pictures of shape {shape}, {IMAGES} holds "
            f"{images.shape}"
        )
    with (folder / LATENTS).open(newline="", encoding="utf-8") as table:
        rows = np.array(list(csv.reader(table))[1:])
    column = dict(zip(COLUMNS, rows.T, strict=True))
    # Class names are in label order, which is alphabetical: a place in it is a label.
    label = {t: np.searchsorted(card.config.class_names(t), column[t]) for t in LABELS}
    latents = {name: column[name].astype(np.int32) for name in ShapeBatch._fields[4:]}
    batch = ShapeBatch(
        images=images,
        shape=label["shape"].astype(np.int32),
        color=label["color"].astype(np.int32),
        rgb=np.stack([column[c] for c in ("red", "green", "blue")], -1).astype(np.uint8),
        **latents,
    )
    turned = {name: latents[name].astype(bool) for name in ("upside_down", "sideways")}
    return batch._replace(**turned), card
