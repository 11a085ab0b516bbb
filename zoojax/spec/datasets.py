"""Data sets of shapes as folders: pictures, labels, latents, and a card that vouches for them.

A folder holds

- ``images.npy``: (images, height, width, 3) uint8;
- ``target_shape.txt``, ``target_color.txt``: a label name a line, as the workshop has them;
- ``latents.csv``: one line a picture with all that decided it;
- ``card.json``: configuration, seed, number of each, version, and of every other file its
  size in bytes and its SHA-256.
"""

import csv
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zoojax.spec.config import ShapesConfig, check_num_each
from zoojax.spec.draws import check_seed
from zoojax.spec.files import make_config, read_json, sha256, write_json
from zoojax.spec.records import ShapeBatch

FORMAT = "coloured shapes, 1"
IMAGES = "images.npy"
LABELS = {"shape": "target_shape.txt", "color": "target_color.txt"}
LATENTS = "latents.csv"
CARD = "card.json"
COLUMNS = ("index", "shape", "color", "red", "green", "blue", *ShapeBatch._fields[4:])


class ShapesCard(NamedTuple):
    """What a data set is.

    Attributes:
        config: what its pictures show.
        num_each: pictures of each combination of shape and colour.
        seed: the seed that made it.
        version: version of the program that made it.
    """

    config: ShapesConfig
    num_each: int
    seed: int
    version: str

    @property
    def num_images(self) -> int:
        """Number of pictures."""
        return self.num_each * self.config.num_combinations


def save_shapes(folder: str | Path, batches: Iterable[ShapeBatch], card: ShapesCard) -> None:
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
    check_num_each(card.num_each)
    check_seed(card.seed)
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(f"{folder} exists; choose another folder or remove it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        partial.mkdir()
        _write_pictures(partial, batches, card)
        names = (IMAGES, *LABELS.values(), LATENTS)
        sums = {
            n: {"bytes": (partial / n).stat().st_size, "sha256": sha256(partial / n)} for n in names
        }
        content = {"format": FORMAT, "num_images": card.num_images, **card._asdict(), "files": sums}
        write_json(partial / CARD, content)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_pictures(folder: Path, batches: Iterable[ShapeBatch], card: ShapesCard) -> None:
    """Write everything but the card."""
    config = card.config
    shape = (card.num_images, config.image_height, config.image_width, 3)
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


def load_shapes(folder: str | Path) -> tuple[ShapeBatch, ShapesCard]:
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
    content = read_json(folder / CARD)
    card = _read_card(content, folder / CARD)
    for name, expected in content["files"].items():
        _check_file(folder / name, expected)
    images = np.load(folder / IMAGES, mmap_mode="r")
    shape = (card.num_images, card.config.image_height, card.config.image_width, 3)
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


def _read_card(content: dict[str, Any], path: Path) -> ShapesCard:
    needed = ("format", "config", "num_each", "seed", "version", "files")
    if missing := [key for key in needed if key not in content]:
        raise ValueError(f"{path} lacks {', '.join(missing)}")
    if content["format"] != FORMAT:
        raise ValueError(f"{path} has format {content['format']!r}, known is {FORMAT!r}")
    if not isinstance(content["config"], dict) or not _vouches(content["files"]):
        raise ValueError(
            f"{path} is damaged: it lacks a configuration, or bytes and sha256 of each file"
        )
    config = make_config(ShapesConfig, content["config"], str(path))
    try:
        num_each, seed = check_num_each(content["num_each"]), check_seed(content["seed"])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return ShapesCard(config, num_each, seed, content["version"])


def _vouches(sums: Any) -> bool:
    """Return whether a card's ``files`` describe every file, and no other."""
    return (
        isinstance(sums, dict)
        and set(sums) == {IMAGES, *LABELS.values(), LATENTS}
        and all(isinstance(s, dict) and {"bytes", "sha256"} <= set(s) for s in sums.values())
    )


def _check_file(path: Path, expected: dict[str, Any]) -> None:
    size = path.stat().st_size
    if size != expected["bytes"]:
        raise ValueError(f"{path} is damaged: it has {size} bytes of {expected['bytes']}")
    if (digest := sha256(path)) != expected["sha256"]:
        raise ValueError(
            f"{path} is damaged: its SHA-256 is {digest}, the card says {expected['sha256']}"
        )
