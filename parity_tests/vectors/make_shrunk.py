"""Write `shrunk.json`: golden shrunk pictures, from the NumPy oracle.

Run it by hand, with `parity_tests` on PYTHONPATH, and only to add cases: a value that changes
breaks every seed there is. Each case shrinks the pictures of a data set, picture i by draw i;
`place` is (top, left, height, width) of each, `sha256` that of the pictures' bytes, one after
the other, each in rows of (red, green, blue).
"""

import json
from pathlib import Path

import numpy as np
from parity_tests.helpers import oracle

from zoojax.spec.config import ShapesConfig, ShrinkConfig
from zoojax.common.storage.files import plain

SMALL = {"min_size": 3, "max_size": 20}

SHRUNK = {
    "default": (ShapesConfig(), ShrinkConfig(), 0, (0, 9, 18, 27, 63999)),
    "exactly a half": (ShapesConfig(), ShrinkConfig(224, 224, 112, 112), 2**32 - 1, (8, 17, 26)),
    "wide": (
        ShapesConfig(image_height=21, image_width=35, **SMALL),
        ShrinkConfig(21, 35, 5, 21),
        42,
        range(20),
    ),
    "tall": (
        ShapesConfig(image_height=40, image_width=22, **SMALL),
        ShrinkConfig(33, 50, 1, 30),
        1,
        range(20),
    ),
}


def shrunk_vectors(data, config, seed, indices):
    images = oracle.simulate(seed, data, indices).images
    shrunk, slices = zip(
        *(oracle.shrink(seed, config, *pair) for pair in zip(images, indices, strict=True)),
        strict=True,
    )
    return {
        "data": data,
        "config": config,
        "seed": seed,
        "indices": list(indices),
        "place": [
            [rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start]
            for rows, columns in slices
        ],
        "sha256": oracle.digest(np.stack(shrunk)),
    }


if __name__ == "__main__":
    vectors = {name: plain(shrunk_vectors(*case)) for name, case in SHRUNK.items()}
    path = Path(__file__).with_name("shrunk.json")
    path.write_text(json.dumps(vectors) + "\n")
