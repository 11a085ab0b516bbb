"""Parts of the tests that `make test` omits: N parts make the whole."""

import argparse
import collections
import re
import zlib


def read_part(text):
    """Return (K, N) from "K/N"; K counts from 0."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or int(match[1]) >= int(match[2]):
        raise argparse.ArgumentTypeError(f"--part must be K/N with 0 <= K < N, got {text!r}")
    return int(match[1]), int(match[2])


def assign_parts(node_ids, num_parts):
    """Return the part of every test, by its id: the variants of one test are in parts in turn.

    The first variant's part is a stable hash of the test's name. Python's own hash differs
    between processes, and all workers must select the same tests.
    """
    parts, num_variants = {}, collections.Counter()
    for node_id in node_ids:
        name = node_id.partition("[")[0]
        parts[node_id] = (zlib.crc32(name.encode()) + num_variants[name]) % num_parts
        num_variants[name] += 1
    return parts
