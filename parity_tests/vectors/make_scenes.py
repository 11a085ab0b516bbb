"""Write `scenes.json`: golden pictures and all that decided them, from the NumPy oracle.

Run it by hand, with `parity_tests` on PYTHONPATH, and only to add scenes: a value that changes
breaks every seed there is. `sha256` is that of the pictures' bytes, one after the other, each
in rows of (red, green, blue).
"""

import json
from pathlib import Path

from parity_tests.helpers import oracle

from zoojax.spec.config import ShapesConfig
from zoojax.common.storage.files import plain
from zoojax.spec.records import ShapeBatch

OWN_COLORS = {"moss": (0, 128, 7), "rust": (200, 255, 0), "ash": (9, 9, 9)}
SMALL = {"min_size": 3, "max_size": 20}

SCENES = {
    "default": (ShapesConfig(), 0, (0, 9, 18, 27, 63999)),
    "default, largest seed": (ShapesConfig(), 2**32 - 1, (31, 32, 24, 25, 1000)),
    "wide": (ShapesConfig(image_height=21, image_width=35, **SMALL), 42, range(40)),
    "tall, strong jitter": (
        ShapesConfig(image_height=40, image_width=22, magnitude=99, **SMALL),
        1,
        range(32),
    ),
    "triangles in colors of one's own": (
        ShapesConfig(
            image_height=20,
            image_width=20,
            shapes=("triangle",),
            colors=OWN_COLORS,
            shades=False,
            magnitude=7,
            **SMALL,
        ),
        7,
        range(30),
    ),
}


def scene_vectors(config, seed, indices):
    drawn = oracle.simulate(seed, config, indices)
    latents = {name: getattr(drawn, name) for name in ShapeBatch._fields[1:]}
    return {
        "config": config,
        "seed": seed,
        "indices": list(indices),
        "sha256": oracle.digest(drawn.images),
        **latents,
    }


if __name__ == "__main__":
    vectors = {name: plain(scene_vectors(*scene)) for name, scene in SCENES.items()}
    path = Path(__file__).with_name("scenes.json")
    path.write_text(json.dumps(vectors) + "\n")
