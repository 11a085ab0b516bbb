"""What the commands say of results, and of what is undefined in them."""

import contextlib
import sys
import warnings
from collections.abc import Iterator

from zoojax.spec.config import RunConfig
from zoojax.spec.metrics import UndefinedMetricWarning
from zoojax.spec.records import Results


def in_short(results: Results) -> str:
    """Return the one number that matters most."""
    scores, num = results.scores, results.scores["num_samples"]
    if "accuracy" in scores:
        return f"accuracy {scores['accuracy']:.2%} of {num} pictures"
    return f"R2 {scores['r2']['all']:.4f} of {num} waves"


def in_full(results: Results, config: RunConfig) -> Iterator[str]:
    """Yield a table of the metrics of each class, or of each step predicted."""
    metrics: tuple[str, ...] = ("mse", "mae", "r2", "pearson_r")
    rows = [f"{i + 1} ahead" for i in range(results.targets.shape[-1])]
    total = "all"
    if config.class_names:
        metrics = ("precision", "recall", "f1", "roc_auc", "average_precision")
        metrics = tuple(name for name in metrics if name in results.scores)
        rows, total = list(config.class_names), "macro"
    yield " " * 12 + "".join(f"{name:>18}" for name in metrics)
    for i, row in enumerate(rows):
        yield f"{row:>12}" + "".join(f"{results.scores[m]['each'][i]:18.4f}" for m in metrics)
    yield f"{total:>12}" + "".join(f"{results.scores[m][total]:18.4f}" for m in metrics)


@contextlib.contextmanager
def telling_warnings() -> Iterator[None]:
    """Say once, in a line, what metrics are undefined."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UndefinedMetricWarning)
        yield
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"zoo: warning: {message}", file=sys.stderr)
