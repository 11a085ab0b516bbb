"""Write `random.json`: golden vectors of the random numbers, from the NumPy reference.

Run it by hand, and only to add vectors: a value that changes breaks every seed there is.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from zoojax.spec import draws

SEEDS = (0, 1, 42, 2**31, 2**32 - 1)


def seed_vectors(seed):
    streams = {name: draws.stream(seed, name) for name in draws.STREAMS}
    keys = {index: draws.fold_in(streams["noise"], index) for index in (0, 1, 63999)}
    order = np.argsort(draws.words(draws.fold_in(streams["shuffle"], 0), 12), kind="stable")
    dropout = draws.fold_in(draws.fold_in(streams["dropout"], 3), 1)
    init = draws.words(draws.fold_in(streams["init"], 0), 6)
    conformal = draws.words(draws.fold_in(streams["conformal"], 2), 6)
    return {
        "root_key": draws.root_key(seed),
        "streams": streams,
        "noise_keys": keys,
        "noise_words": {index: draws.words(key, 6) for index, key in keys.items()},
        "noise_words_sha256": hashlib.sha256(draws.words(keys[1], 37632).astype("<u4")).hexdigest(),
        "scene_words": draws.words(draws.fold_in(streams["scenes"], 7), len(draws.SCENE_DRAWS)),
        "permutation_of_12": order,
        "kept_by_dropout_0.2_step_3_layer_1": draws.words(dropout, 16) < draws.keep_threshold(0.2),
        "wave_words": draws.words(draws.fold_in(streams["waves"], 2), 6),
        "init_words": init,
        "init_uniform_bound_0.25_times_2^25": draws.symmetric_uniform(init, 0.25) * 2**25,
        "conformal_uniform_times_2^24_draw_2": draws.uniform(conformal) * 2**24,
    }


def plain(value):
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


if __name__ == "__main__":
    vectors = {str(seed): plain(seed_vectors(seed)) for seed in SEEDS}
    path = Path(__file__).with_name("random.json")
    path.write_text(json.dumps(vectors, indent=1) + "\n")
