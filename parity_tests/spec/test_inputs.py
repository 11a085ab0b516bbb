"""Files of the user's own: read as they are, or refused by name with what is allowed."""

import dataclasses
import pickle
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from zoojax.common.reporting.tables import prediction_table
from zoojax.common.storage.user_files import read_png, read_samples, resized
from zoojax.spec.config import CNNConfig, MLPConfig, RNNConfig

PICTURES = CNNConfig(height=6, width=5, pooling=1)
POINTS = MLPConfig(input_dim=4, output_dim=2)
SERIES = RNNConfig()
GENERATOR = np.random.default_rng(0)
IMAGE = GENERATOR.integers(0, 256, (6, 5, 3), dtype=np.uint8)
GREY = GENERATOR.integers(0, 256, (6, 5), dtype=np.uint8)
WAVES = GENERATOR.normal(size=(3, 4))
SIZE = "the model takes uint8 pictures of shape (6, 5, 3)"


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*, bits=8, kind=2, rows=(), size=(5, 6), others=()):
    """Return the bytes of a PNG file, written by its standard and by no library."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *size, bits, kind, 0, 0, 0)), *others]
    chunks += [(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def saved(path, array):
    np.save(path, array)
    return path


def picture(path, array, mode=None):
    image = Image.fromarray(array)
    (image if mode is None else image.convert(mode)).save(path)
    return path


def assert_refused(paths, config, *parts, error=ValueError):
    """Assert that files are refused in a line that names the last of them."""
    with pytest.raises(error) as caught:
        read_samples(paths, config)
    for part in (str(paths[-1]), *parts):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_picture_is_read_as_it_is(tmp_path):
    names, images = read_samples([picture(tmp_path / "a.png", IMAGE)], PICTURES)
    assert names == ["a.png"]
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, IMAGE[None])
    assert (images != 255 - IMAGE).any()


def test_a_png_that_no_library_wrote_is_read_as_it_is(tmp_path):
    (tmp_path / "a.png").write_bytes(png(rows=[row.tobytes() for row in IMAGE]))
    np.testing.assert_array_equal(read_png(tmp_path / "a.png"), IMAGE)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_grey_gets_three_equal_channels(tmp_path, bits):
    levels = GREY >> (8 - bits)
    padded = np.pad(levels, ((0, 0), (0, -5 % (8 // bits))))
    digits = (padded[..., None] >> np.arange(bits)[::-1]) & 1
    rows = np.packbits(digits.reshape(6, -1), axis=1)
    (tmp_path / "a.png").write_bytes(png(bits=bits, kind=0, rows=[row.tobytes() for row in rows]))
    expected = np.repeat((levels * (255 // (2**bits - 1)))[..., None], 3, -1)
    np.testing.assert_array_equal(read_png(tmp_path / "a.png"), expected)


def test_a_model_with_a_global_head_takes_pictures_of_any_one_size(tmp_path):
    config = dataclasses.replace(PICTURES, head="max", num_cnn_layers=0, pooling=2)
    first, other = (saved(tmp_path / f"{n}.npy", np.zeros((n, 9, 3), np.uint8)) for n in (8, 7))
    _, images = read_samples([first, first], config)
    assert images.shape == (2, 8, 9, 3)
    found = resized(config, images)
    assert (found.height, found.width) == (8, 9)
    assert resized(PICTURES, images) == PICTURES
    assert_refused([first, other], config, "pictures of 7x9 pixels", f"{first} of 8x9", "one size")
    tiny = saved(tmp_path / "tiny.npy", np.zeros((1, 1, 3), np.uint8))
    assert_refused([tiny], config, "layer conv_block.2, reached by 1x1 pixels")
    grey = saved(tmp_path / "grey.npy", np.zeros((8, 9, 1), np.uint8))
    assert_refused([grey], config, "the model takes uint8 pictures of shape (height, width, 3)")


def test_a_palette_is_read_as_its_colors(tmp_path):
    palette = GENERATOR.integers(0, 256, (256, 3), dtype=np.uint8)
    rows = [row.tobytes() for row in GREY]
    content = png(kind=3, rows=rows, others=[(b"PLTE", palette.tobytes())])
    (tmp_path / "a.png").write_bytes(content)
    np.testing.assert_array_equal(read_png(tmp_path / "a.png"), palette[GREY])


@pytest.mark.parametrize(("pixels", "mode"), [(IMAGE, "RGBA"), (GREY, "LA")])
def test_an_opaque_alpha_changes_nothing(tmp_path, pixels, mode):
    path = picture(tmp_path / "a.png", pixels, mode)
    assert Image.open(path).mode == mode
    np.testing.assert_array_equal(read_png(path), np.broadcast_to(pixels.T, (3, 5, 6)).T)


def test_several_files_come_in_their_order_with_a_name_each(tmp_path):
    several = GENERATOR.integers(0, 256, (2, 6, 5, 3), dtype=np.uint8)
    paths = [
        saved(tmp_path / "several.npy", several),
        picture(tmp_path / "z.png", IMAGE),
        str(saved(tmp_path / "one.npy", IMAGE[::-1])),
    ]
    names, images = read_samples(paths, PICTURES)
    assert names == ["several.npy[0]", "several.npy[1]", "z.png", "one.npy[0]"]
    np.testing.assert_array_equal(images, [*several, IMAGE, IMAGE[::-1]])


@pytest.mark.parametrize("config", [POINTS, SERIES])
def test_waves_are_read_as_they_are(tmp_path, config):
    counts = np.arange(4, dtype=np.int16)
    paths = [saved(tmp_path / "many.npy", WAVES), saved(tmp_path / "one.npy", counts)]
    names, waves = read_samples(paths, config)
    assert names == ["many.npy[0]", "many.npy[1]", "many.npy[2]", "one.npy[0]"]
    assert waves.dtype == np.float64
    np.testing.assert_array_equal(waves, [*WAVES, counts])


def test_a_recurrent_model_takes_waves_of_any_one_length(tmp_path):
    first, other = (saved(tmp_path / f"{n}.npy", np.ones(n)) for n in (7, 9))
    assert read_samples([first], SERIES)[1].shape == (1, 7)
    assert_refused([first, other], SERIES, "9 points", f"{first} of 7", "one size")


def test_no_files_are_refused():
    with pytest.raises(ValueError, match=re.escape("at least one PNG or .npy file")):
        read_samples([], PICTURES)


@pytest.mark.parametrize(
    ("name", "config"), [("a.png", PICTURES), ("a.npy", PICTURES), ("a.npy", SERIES)]
)
def test_a_missing_file_is_refused_by_name(tmp_path, name, config):
    assert_refused([tmp_path / name], config, error=FileNotFoundError)
    (tmp_path / name).mkdir()
    assert_refused([tmp_path / name], config, error=IsADirectoryError)


WHOLE = png(rows=[row.tobytes() for row in IMAGE])
BAD_PNGS = {
    "empty": (b"", "is no PNG file"),
    "text": (b"no picture", "is no PNG file"),
    "a JPEG": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "is no PNG file"),
    "truncated": (WHOLE[:-40], "is damaged"),
    "with a header cut short": (WHOLE[:8] + chunk(b"IHDR", b"\0\0\0\5"), "is damaged"),
    "huge": (png(size=(10**5, 10**5)), "is damaged"),
    "with a text that unfolds": (
        png(others=[(b"zTXt", b"a\0\0" + zlib.compress(b"a" * 2**21))]),
        "is damaged",
    ),
    "of 16-bit grey": (
        png(bits=16, kind=0, rows=[bytes(10)] * 6),
        "has channels of 16 bits; allowed are 8-bit RGB or grey",
    ),
    "of 16-bit RGB": (png(bits=16, rows=[bytes(30)] * 6), "has channels of 16 bits"),
    "of 16-bit RGB and alpha": (png(bits=16, kind=6, rows=[b"\xff" * 40] * 6), "16 bits"),
    "with a transparent pixel": (
        png(kind=6, rows=[*[b"\xff" * 20] * 5, b"\xff" * 19 + b"\xfe"]),
        "has transparent pixels; put it on a background first",
    ),
    "of grey with transparent pixels": (png(kind=4, rows=[bytes(10)] * 6), "transparent pixels"),
    "with a transparent place in its palette": (
        png(kind=3, rows=[b"\0\0\1\0\0"] * 6, others=[(b"PLTE", bytes(6)), (b"tRNS", b"\xff\0")]),
        "transparent pixels",
    ),
    "with a transparent color": (
        png(rows=[bytes(15)] * 6, others=[(b"tRNS", bytes(6))]),
        "transparent pixels",
    ),
    "too wide": (png(size=(6, 6), rows=[bytes(18)] * 6), f"uint8 of shape (1, 6, 6, 3); {SIZE}"),
    "turned": (png(size=(6, 5), rows=[bytes(18)] * 5), SIZE),
}


@pytest.mark.parametrize("name", BAD_PNGS)
def test_a_png_that_cannot_be_taken_is_refused_by_name(tmp_path, name):
    content, message = BAD_PNGS[name]
    good, bad = picture(tmp_path / "good.png", IMAGE), tmp_path / "bad.png"
    bad.write_bytes(content)
    assert_refused([good, bad], PICTURES, message)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_changed_byte_is_refused_or_changes_nothing(tmp_path):
    num_refused = 0
    for place in range(len(WHOLE)):
        changed = bytearray(WHOLE)
        changed[place] ^= 1
        path = tmp_path / "a.png"
        path.write_bytes(changed)
        try:
            np.testing.assert_array_equal(read_png(path), IMAGE)
        except ValueError as error:
            num_refused += 1
            assert str(path) in str(error)  # noqa: PT017
    assert num_refused > len(WHOLE) / 2


NPY = "is damaged, or no array of numbers"
TAKES = "the model takes finite numbers of shape (waves, 4)"
BAD_ARRAYS = {
    "of floats": (PICTURES, IMAGE / 255, f"holds float64 of shape (1, 6, 5, 3); {SIZE}"),
    "of signed bytes": (PICTURES, IMAGE.astype(np.int8), SIZE),
    "of turned pictures": (PICTURES, IMAGE.transpose(1, 0, 2), SIZE),
    "of channels first": (PICTURES, IMAGE.transpose(2, 0, 1), SIZE),
    "of grey pictures": (PICTURES, GREY, SIZE),
    "of four channels": (PICTURES, np.zeros((6, 5, 4), np.uint8), SIZE),
    "of no pictures": (PICTURES, IMAGE[None][:0], f"of shape (0, 6, 5, 3); {SIZE}"),
    "of five axes": (PICTURES, IMAGE[None, None], SIZE),
    "of objects as pictures": (PICTURES, np.array([IMAGE, None], object), NPY),
    "of objects as waves": (POINTS, np.array([[1, 2, 3, None]], object), NPY),
    "of too many points": (POINTS, np.ones((2, 5)), f"holds float64 of shape (2, 5); {TAKES}"),
    "of too few points": (POINTS, np.ones(3), f"holds float64 of shape (1, 3); {TAKES}"),
    "of one number": (SERIES, np.ones(()), "float64 of shape (); the model takes finite numbers"),
    "of three axes": (SERIES, np.ones((2, 4, 1)), "of shape (waves, points)"),
    "of no waves": (POINTS, np.ones((0, 4)), TAKES),
    "of no points": (SERIES, np.ones((2, 0)), "of shape (waves, points)"),
    "with NaN": (POINTS, np.array([1, 2, np.nan, 4]), TAKES),
    "with infinity": (SERIES, np.array([1, 2, -np.inf]), "finite numbers"),
    "of truth values": (POINTS, np.ones(4, bool), f"holds bool of shape (1, 4); {TAKES}"),
    "of complex numbers": (POINTS, np.ones(4, complex), TAKES),
    "of words": (POINTS, np.array(["1", "2", "3", "4"]), TAKES),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_an_array_that_cannot_be_taken_is_refused_by_name(tmp_path, name):
    config, array, message = BAD_ARRAYS[name]
    assert_refused([saved(tmp_path / "bad.npy", array)], config, message)


@pytest.mark.parametrize("config", [PICTURES, POINTS])
@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:-1],
        lambda whole: whole[:20],
        lambda whole: whole.replace(b"}", b"("),
        lambda whole: b"PK\x03\x04" + whole,
        lambda whole: b"1,2,3,4\n",
        lambda whole: pickle.dumps([1, 2, 3, 4]),
    ],
    ids=["empty", "truncated", "header cut", "header changed", "a ZIP", "a text", "a pickle"],
)
def test_a_damaged_array_is_refused_by_name(tmp_path, config, damage):
    path = saved(tmp_path / "bad.npy", IMAGE if config is PICTURES else WAVES)
    path.write_bytes(damage(path.read_bytes()))
    assert_refused([path], config, NPY)


def test_a_picture_for_a_model_of_waves_is_refused(tmp_path):
    path = picture(tmp_path / "a.png", IMAGE)
    for config in (POINTS, SERIES):
        assert_refused([path], config, "is no .npy file, and this model takes waves")


def test_a_table_says_label_and_probabilities():
    probs = np.array([[0.25, 0.75], [0.99996, 0.00004]], np.float32)
    table = prediction_table(["a.png", "b"], probs, PICTURES, ("circle", "diamond"))
    assert table == [
        ["picture", "label", "circle", "diamond"],
        ["a.png", "diamond", "0.2500", "0.7500"],
        ["b", "circle", "1.0000", "0.0000"],
    ]
    assert prediction_table(["a"], probs[:1], PICTURES, ()) == [
        ["picture", "label", "class 0", "class 1"],
        ["a", "class 1", "0.2500", "0.7500"],
    ]


@pytest.mark.parametrize("config", [POINTS, SERIES])
def test_a_table_says_the_next_points(config):
    table = prediction_table(["w[0]", "w[1]"], np.array([[1 / 3, -2], [1e-9, 3e7]]), config, ())
    assert table == [
        ["wave", "1 ahead", "2 ahead"],
        ["w[0]", "0.333333", "-2"],
        ["w[1]", "1e-09", "3e+07"],
    ]


def test_a_table_needs_a_name_for_each_sample():
    for config in (PICTURES, POINTS):
        with pytest.raises(ValueError, match="longer"):
            prediction_table(["a"], np.ones((2, 2)), config, ())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (CNNConfig(num_input_channels=1), "pictures of 3 channels can be read; the model takes 1"),
        (RNNConfig(input_size=2), "one number a time step can be read; the model takes 2"),
    ],
)
def test_a_model_of_other_inputs_is_refused(tmp_path, config, message):
    with pytest.raises(ValueError, match=message):
        read_samples([tmp_path / "x.npy"], config)
