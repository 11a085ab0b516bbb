"""A progress bar with the loss, on standard error."""

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress

REFRESHES_PER_SECOND = 8


class Advance(Protocol):
    """What a progress bar hands out: call it once a step."""

    def __call__(self, loss: float | None = None, note: str = "") -> None:
        """Count one step.

        Args:
            loss: loss to show; None keeps the one shown.
            note: a few words to show after it; empty keeps the ones shown.
        """
        ...


def _ignore(loss: float | None = None, note: str = "") -> None:
    """Do nothing: how a disabled bar advances."""


@contextlib.contextmanager
def progress_bar(total: int, label: str, *, enabled: bool, done: int = 0) -> Iterator[Advance]:
    """Show label, bar, steps done, loss, time elapsed and time left while a block runs.

    The bar is drawn by a thread a few times a second, however often it advances. Where
    standard error is not a terminal, one line is written at the end. A bar that an
    exception passes through stays where it was, and the terminal is left in order.

    Args:
        total: steps to do.
        label: what is being done.
        enabled: whether to show anything at all.
        done: steps that were done before.

    Yields:
        ``advance(loss=None, note="")``, to call once a step.

    Example:
        with progress_bar(num_steps, "training", enabled=True) as advance:
            for batch in batches:
                advance(step(batch))
    """
    if not enabled:
        yield _ignore
        return
    with _make_bar() as progress:
        task = progress.add_task(label, total=total, completed=done, loss="", note="")

        def advance(loss: float | None = None, note: str = "") -> None:
            shown: dict[str, Any] = {} if loss is None else {"loss": f"loss {loss:.4f}"}
            if note:
                shown["note"] = note
            progress.update(task, advance=1, **shown)

        yield advance


def _make_bar() -> "Progress":
    # Here and not above: a run without a bar, or a bare import, must not pay for rich.
    from rich import progress
    from rich.console import Console
    from rich.table import Column

    console = Console(stderr=True)
    # Notebooks redraw through ipywidgets alone. Rich warns where it is missing, and takes
    # any stream for a terminal when FORCE_COLOR is set: either would fill the log.
    has_widgets = importlib.util.find_spec("ipywidgets") is not None
    if not (has_widgets if console.is_jupyter else sys.stderr.isatty()):
        console = Console(stderr=True, force_jupyter=False, force_terminal=False, width=120)
    # The note takes what width is left, and is the one to be cut where that is too little.
    rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=24),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[loss]}", markup=False),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left", style="dim"),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[note]}", markup=False, style="dim", table_column=rest),
        console=console,
        expand=True,
        refresh_per_second=REFRESHES_PER_SECOND,
    )
