"""The command line: ``zoo simulate``, ``train``, ``evaluate``, ``compare``.

Flags are made from the configuration dataclasses. A backend is imported when it is used.
"""

import contextlib
import dataclasses
import functools
import importlib
import io
import itertools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import tyro

from zoojax.spec import figures, files, runs
from zoojax.spec.config import CNNConfig, RunConfig, ShapesConfig
from zoojax.spec.datasets import ShapesCard, save_shapes
from zoojax.spec.progress import progress_bar
from zoojax.spec.records import NonFiniteLossError

Backend = Literal["jax", "torch"]
PACKAGES = {"jax": "zoojax", "torch": "zootorch"}
DEFAULT = RunConfig()

# The data decide these; as flags they would only be wrong.
DERIVED = ("num_classes", "height", "width", "num_input_channels")


def _flags(config: Any, **replaced: Any) -> Any:
    """Return a dataclass of a configuration's fields with its values as defaults."""
    fields = [f for f in dataclasses.fields(config) if f.name not in DERIVED]
    values = {f.name: replaced.get(f.name, getattr(config, f.name)) for f in fields}
    types = {f.name: type(replaced[f.name]) if f.name in replaced else f.type for f in fields}
    flags = dataclasses.make_dataclass(
        f"{type(config).__name__}Flags",
        [(n, types[n], dataclasses.field(default=value)) for n, value in values.items()],
        frozen=True,
    )
    flags.__doc__ = type(config).__doc__
    return flags


DEFAULT_SHAPES = ShapesConfig()
DEFAULT_RUN: Any = _flags(DEFAULT, model=_flags(DEFAULT.model)())()
EXACT_RUN = dataclasses.replace(
    DEFAULT_RUN, train=dataclasses.replace(DEFAULT.train, dtype="float64")
)
RunFlags: Any = Annotated[type(DEFAULT_RUN), tyro.conf.arg(name="")]

BATCH = 64


def simulate(
    out: Path,
    data: ShapesConfig = DEFAULT_SHAPES,
    num_each: int = 10,
    seed: int = 0,
    backend: Backend = "jax",
) -> None:
    """Simulate pictures of coloured shapes and write them as a data set.

    Args:
        out: new folder to write.
        data: what the pictures show.
        num_each: pictures of each combination of shape and color.
        seed: integer from 0 to 2^32 - 1 that decides every pixel.
        backend: which of the two makes them; the bytes are the same.
    """
    card = ShapesCard(data, num_each, seed, files.version())
    simulator = _package(backend, "pipeline").simulate_batches(data, num_each, seed, BATCH)
    save_shapes(out, _counted(simulator, card.num_images), card)
    print(f"{card.num_images} pictures in {out}")


def _counted(batches: Any, num_images: int) -> Any:
    """Yield the batches behind a progress bar, which appears with the first."""
    with progress_bar(num_images, "simulating", enabled=True) as advance:
        for batch in batches:
            yield batch
            for _ in range(len(batch.images)):
                advance()


def train(
    out: Path,
    backend: Backend,
    run: RunFlags = DEFAULT_RUN,
) -> None:
    """Simulate pictures, train a classifier on them and write the run.

    Args:
        out: folder to write weights, configuration, history and figures into.
        backend: which of the two trains.
        run: what to simulate and how to train.
    """
    config = _run_config(run)
    _check_folder(out)
    _prepare(backend, config.train.dtype)
    made = _package(backend, "pipeline").run(config, progress=True)
    runs.save_run(out, made)
    epoch = made.history.best_epoch if config.train.keep_best else -1
    print(f"validation accuracy {made.history.validation_accuracies[epoch]:.2%}; run in {out}")


def evaluate(folder: Path, data: Path | None = None, backend: Backend | None = None) -> None:
    """Evaluate a run: loss, accuracy and confusion matrix, as JSON and as a figure.

    Args:
        folder: a run that ``zoo train`` wrote, by either backend.
        data: a data set that ``zoo simulate`` wrote; the run's own validation pictures,
            simulated again, unless given.
        backend: which of the two evaluates; the one that trained unless given.
    """
    saved = runs.load_run(folder)
    used = backend or saved.backend
    _prepare(used, saved.config.train.dtype)
    pipeline = _package(used, "pipeline")
    loss, accuracy, counts = pipeline.evaluate_run(saved, data)
    classes = saved.config.data.class_names(saved.config.target)
    figure = figures.confusion_matrices({PACKAGES[used]: counts}, classes)
    figures.save_figure(figure, folder / runs.CONFUSION)
    content = {
        "backend": used,
        "data": str(data) if data else "the run's validation pictures",
        "num_samples": int(counts.sum()),
        "loss": loss,
        "accuracy": accuracy,
        "class_names": classes,
        "confusion_matrix": counts,
    }
    files.write_json(folder / runs.EVALUATION, content)
    print(f"loss {loss:.6f}, accuracy {accuracy:.2%} of {int(counts.sum())} pictures")
    for name, row in zip(classes, counts, strict=True):
        print(f"  {name:>12} " + " ".join(f"{count:5d}" for count in row))


def compare(
    out: Path = Path("demo"),
    run: RunFlags = EXACT_RUN,
) -> None:
    """Make the same run in both backends and set the numbers side by side.

    Args:
        out: folder to write the numbers, the figures and report.html into.
        run: what to simulate and how to train.
    """
    from rich.console import Console

    from zoojax.spec import report

    config = _run_config(run)
    _check_folder(out)
    for backend in PACKAGES:
        _prepare(backend)  # parity switches float64 on, for its run alone
    from zootorch import parity

    first, second = parity.run_both(config, progress=True)
    num_shown = min(24, config.num_each * config.data.num_combinations)
    images = parity.sample_images(config, num_shown)
    rows = parity.compare(first, second)
    console = Console(width=None if sys.stdout.isatty() else 100)
    console.print(report.table(rows))
    path = parity.write_comparison(out, first, second, images)
    console.print(f"numbers, figures and report in {path.parent}")
    if any(row.verdict == "DIFFERS" for row in rows):
        sys.exit(1)


def _run_config(flags: Any) -> RunConfig:
    """Return the configuration of a run, its model fitted to the data."""
    options = {field.name: getattr(flags, field.name) for field in dataclasses.fields(RunConfig)}
    size = {"height": flags.data.image_height, "width": flags.data.image_width}
    options["model"] = CNNConfig(**dataclasses.asdict(flags.model), **size)
    return RunConfig(**options)


def _check_folder(out: Path) -> None:
    """Refuse a file where a folder is to be written: before the work, not after it."""
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out} is a file; choose another folder")


def _package(backend: str, module: str) -> Any:
    """Import a module of a backend; a missing framework is one clear line."""
    try:
        return importlib.import_module(f"{PACKAGES[backend]}.{module}")
    except ModuleNotFoundError as error:
        raise ValueError(
            f"backend {backend} needs {error.name}: pip install 'zooparity[{backend}]'"
        ) from None


def _prepare(backend: str, dtype: str = "float32") -> None:
    """Set for this program what a run needs: float64 where it is asked for, and no TF32.

    On a GPU both frameworks else convolve with a tenth of float32's digits.
    """
    if backend == "jax":
        jax = _package("jax", "random").jax
        if dtype == "float64":
            jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_default_matmul_precision", "highest")
    else:
        torch = _package("torch", "random").torch
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False


def _later(command: Callable[..., None]) -> Callable[..., Callable[[], None]]:
    """Return a command that is bound to its arguments instead of run: parsing comes first."""

    @functools.wraps(command)
    def bind(*args: Any, **kwargs: Any) -> Callable[[], None]:
        return functools.partial(command, *args, **kwargs)

    return bind


def _fail(message: str) -> NoReturn:
    """Write one line to standard error and exit with 2."""
    print(f"zoo: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def _first_paragraph(box: str) -> str:
    """Return what tyro's error box says between its title and the next rule, unframed."""
    lines = [line.strip(" │") for line in box.splitlines()[1:]]
    # Where the terminal knows no frames, dashes are the rules and one follows the title.
    groups = itertools.groupby(lines, key=lambda line: set(line) <= set("─╰╯-"))
    text = next((" ".join(group) for is_rule, group in groups if not is_rule), "")
    return text.split("__tyro-dummy-inner__.")[-1]


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line: exit code 0, 1 when runs differ, 2 for bad input."""
    commands: dict[str, Callable[..., None]] = {
        "simulate": simulate,
        "train": train,
        "evaluate": evaluate,
        "compare": compare,
    }
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            run = tyro.extras.subcommand_cli_from_dict(
                {name: _later(command) for name, command in commands.items()},
                prog="zoo",
                description="Coloured shapes and their classifier, in JAX and in torch.",
                args=args,
            )
    except SystemExit as stop:
        if stop.code == 2:
            _fail(_first_paragraph(errors.getvalue()))
        raise
    except BrokenPipeError:
        # A reader such as `head` has seen enough of the help; what is left goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    try:
        run()
    except (ValueError, OSError, NonFiniteLossError) as error:
        _fail(str(error))
