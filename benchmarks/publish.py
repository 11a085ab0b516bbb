"""Put the classifiers of a finished benchmark into the package, those of zoojax and seed 0.

What all seeds came to is copied into `results/shapes`.

python -m benchmarks.publish FOLDER     what `zoo benchmark-shapes --out FOLDER` wrote
"""

import shutil
import sys
from pathlib import Path

from benchmarks import render
from zoojax.common.shape_benchmark import NUM_TEST_EACH, TEST, TRAINING, Target
from zoojax.common.storage import files, pretrained

BACKEND, SEED = "jax", 0


def publish(folder: Path, target: Target) -> Path:
    """Copy the weights of a target, and write their card.

    Args:
        folder: of the benchmark.
        target: what is told.

    Returns:
        the new folder.
    """
    source = folder / f"{target}-{BACKEND}-{SEED}"
    path = folder / f"{target}-summary.json"
    summary = files.read_json(path)
    scores = files.read_json(source / "scores.json")
    new = pretrained.FOLDER / target
    new.mkdir(parents=True, exist_ok=True)
    for name in (files.WEIGHTS, files.CONFIG):
        shutil.copyfile(source / name, new / name)
    card = {
        "about": f"Tells the {target} of a coloured shape on noise, 10 to 50 pixels wide, in "
        "pictures of any size. The seed was chosen before any test.",
        "class_names": TEST.class_names(target),
        "trained by": f"zoo{BACKEND}, seed {SEED}, in {scores['seconds']:.0f} s",
        "training pictures": TRAINING,
        "recipe": summary["recipe"],
        "test pictures": {"num_each": NUM_TEST_EACH, **files.plain(TEST)},
        "accuracy of these weights": scores["scores"]["accuracy"],
        "results of all seeds": summary["summaries"],
        "version": summary["version"],
        "files": {name: files.digest(new / name) for name in (files.WEIGHTS, files.CONFIG)},
    }
    files.write_json(new / pretrained.CARD, card)
    results = render.RESULTS / "shapes" / "shrunk"
    results.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, results / path.name)
    return new


def main() -> None:
    """Publish the classifiers of both targets."""
    (folder,) = sys.argv[1:]
    for target in pretrained.TARGETS:
        print(publish(Path(folder), target))
    render.main()


if __name__ == "__main__":
    main()
