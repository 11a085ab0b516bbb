"""What every data set's folder has: a card that says what it is and vouches for its files."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from zoojax.common.storage.files import check_digest, digest, make_config, read_json, write_json
from zoojax.spec.config import DataConfig, check_num_each
from zoojax.spec.draws import check_seed

C_co = TypeVar("C_co", bound=DataConfig, covariant=True)

CARD = "card.json"
LATENTS = "latents.csv"


class Card(NamedTuple, Generic[C_co]):
    """What a data set is.

    Attributes:
        config: what it shows, a ShapesConfig or a SinusoidsConfig.
        num_each: samples of each combination.
        seed: the seed that made it.
        version: version of the program that made it.
    """

    config: C_co
    num_each: int
    seed: int
    version: str

    @property
    def num_samples(self) -> int:
        """Number of pictures or waves."""
        return self.num_each * self.config.num_combinations


class Format(NamedTuple, Generic[C_co]):
    """How data sets of one kind are written.

    Attributes:
        name: of the format, with its version.
        config_type: type of the configuration.
        files: names of all files but the card.
    """

    name: str
    config_type: type[C_co]
    files: tuple[str, ...]


def write_dataset(
    folder: str | Path, form: Format[C_co], card: Card[C_co], write: Callable[[Path], None]
) -> None:
    """Write a data set into a new folder, which appears whole or not at all.

    Args:
        folder: where to; must not exist.
        form: which files there are.
        card: what it is.
        write: writes these files into the folder it is given.

    Raises:
        FileExistsError: when the folder exists.
        ValueError: when the card's number or seed is not allowed.
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
        write(partial)
        sums = {name: digest(partial / name) for name in form.files}
        content = {"format": form.name, "num_samples": card.num_samples, **card._asdict()}
        write_json(partial / CARD, {**content, "files": sums})
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_dataset(folder: str | Path, form: Format[C_co]) -> Card[C_co]:
    """Read a data set's card and check every file against it.

    Raises:
        FileNotFoundError: when the card or a file is missing; names it.
        ValueError: when it is of another format, or a file is not the one that was written;
            names it.
    """
    path = Path(folder) / CARD
    content = read_json(path)
    needed = ("format", "config", "num_each", "seed", "version", "files")
    if missing := [key for key in needed if key not in content]:
        raise ValueError(f"{path} lacks {', '.join(missing)}")
    if content["format"] != form.name:
        raise ValueError(f"{path} has format {content['format']!r}, known is {form.name!r}")
    if not isinstance(content["config"], dict) or not _vouches(content["files"], form):
        raise ValueError(
            f"{path} is damaged: it lacks a configuration, or bytes and sha256 of each file"
        )
    config = make_config(form.config_type, content["config"], str(path))
    try:
        num_each, seed = check_num_each(content["num_each"]), check_seed(content["seed"])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    for name, expected in content["files"].items():
        check_digest(path.with_name(name), expected)
    return Card(config, num_each, seed, content["version"])


def _vouches(sums: object, form: Format[C_co]) -> bool:
    """Return whether a card's ``files`` describe every file, and no other."""
    return (
        isinstance(sums, dict)
        and set(sums) == set(form.files)
        and all(isinstance(s, dict) and {"bytes", "sha256"} <= set(s) for s in sums.values())
    )
