"""Configurations: every value that is not allowed is refused, saying what is."""

import dataclasses

import numpy as np
import pytest

from zoojax.spec.config import CNNConfig, RunConfig, ShapesConfig, ShrinkConfig, TrainConfig
from zoojax.spec.labels import color_entry, parse_color

# The syllabus, section 1.
COLORS = {
    "black": (0, 0, 0),
    "blue": (0, 0, 255),
    "cyan": (0, 255, 255),
    "green": (0, 255, 0),
    "purple": (255, 0, 255),
    "red": (255, 0, 0),
    "white": (255, 255, 255),
    "yellow": (255, 255, 0),
}


def assert_refused(config_type, options, *parts):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        config_type(**options)
    for part in parts:
        assert part in str(caught.value)


# Of each integer option: its configuration, its name, what is allowed, and values beside it.
INTEGERS = [
    *[
        (ShapesConfig, name, "an integer >= 1", (0, -3))
        for name in ("image_height", "image_width", "min_size", "max_size")
    ],
    (ShapesConfig, "magnitude", "an integer from 0 to 99", (-1, 100)),
    *[
        (ShrinkConfig, name, "an integer >= 1", (0, -3))
        for name in ("image_height", "image_width", "min_height", "max_height")
    ],
    *[
        (CNNConfig, name, "an integer >= 1", (0, -1))
        for name in (
            *("num_classes", "height", "width", "num_input_channels", "num_cnn_channels"),
            *("hidden_dim", "kernel_size", "stride", "pooling", "dilation"),
        )
    ],
    *[
        (CNNConfig, name, "an integer >= 0", (-1,))
        for name in ("num_cnn_layers", "num_layers", "padding")
    ],
    (TrainConfig, "num_epochs", "an integer >= 1", (0, -1)),
    (TrainConfig, "batch_size", "an integer >= 2", (1, 0)),
    (TrainConfig, "seed", "an integer from 0 to 4294967295", (-1, 2**32)),
    (RunConfig, "num_each", "an integer >= 1", (0, -1)),
]


@pytest.mark.parametrize(
    ("config_type", "name", "allowed", "values"),
    INTEGERS,
    ids=[f"{config_type.__name__}.{name}" for config_type, name, *_ in INTEGERS],
)
def test_an_integer_out_of_range_is_refused(config_type, name, allowed, values):
    for value in (*values, 3.0, "3", True, None):
        assert_refused(config_type, {name: value}, f"{name} must be {allowed}, got {value!r}")


@pytest.mark.parametrize(
    ("config_type", "name", "allowed", "values"),
    [
        (CNNConfig, "dropout", "a number at least 0 and under 1", (1, -0.1)),
        (TrainConfig, "learning_rate", "a number over 0 and under 1e+37", (0, -1, float("inf"))),
        (RunConfig, "validation_fraction", "a number over 0 and under 1", (0, 1, -0.5)),
        (CNNConfig, "conv_activation", "one of none, relu, leaky_relu, elu, gelu", ("tanh",)),
        (CNNConfig, "linear_activation", "one of relu, leaky_relu, elu, gelu", ("none",)),
        (CNNConfig, "head", "one of flatten, max, average", ("mean", "")),
        (TrainConfig, "dtype", "one of float32, float64", ("float16",)),
        (RunConfig, "target", "one of shape, color, next_steps", ("size",)),
    ],
)
def test_a_number_or_choice_not_allowed_is_refused(config_type, name, allowed, values):
    for value in (*values, float("nan"), "?", None):
        assert_refused(config_type, {name: value}, f"{name} must be {allowed}, got {value!r}")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"min_size": 60, "max_size": 59}, ["min_size must not exceed max_size, got 60 > 59"]),
        ({"image_height": 90}, ["90x224", "at most 90, got 100"]),
        ({"image_width": 99}, ["224x99", "at most 99, got 100"]),
        ({"shapes": ()}, ["at least one shape, got none"]),
        ({"shapes": "circle"}, ["shapes must be a list of names, got 'circle'"]),
        ({"shapes": 5}, ["shapes must be a list of names, got 5"]),
        ({"shades": "no"}, ["shades must be True or False, got 'no'"]),
        (
            {"shapes": ("circle", "hexagon")},
            ["unknown shape 'hexagon'; known are circle, diamond, rectangle, triangle"],
        ),
        ({"shapes": (1,)}, ["shapes must be a list of names, got (1,)"]),
        ({"colors": ("red", "pink")}, ["unknown color 'pink'; known are black, blue, cyan, green"]),
        ({"colors": "red"}, ["colors must be a list of names, got 'red'"]),
        ({"colors": (1,)}, ["colors must be a list of names, got (1,)"]),
        ({"colors": 5}, ["colors must be a list of names, got 5"]),
        ({"colors": {"a": None}}, ["'a=None'", "integers 0..255"]),
        ({"colors": {"dark sea": (1, 2, 3)}}, ["'dark sea=1,2,3'", "letters, digits, _ and -"]),
        ({"colors": {"a\n": (1, 2, 3)}}, ["letters, digits, _ and -"]),
        ({"colors": (), "shades": False}, ["at least one color when shades=False, got none"]),
        ({"colors": ("black",), "shades": False}, ["'black' is drawn only with shades=True"]),
        ({"colors": ("white=9,9,9",)}, ["color 'white' is (255, 255, 255), got (9, 9, 9)"]),
        ({"colors": ("a=1,2,3", "a=1,2,4")}, ["'a' is given twice: 'a=1,2,3' and 'a=1,2,4'"]),
        *[
            ({"colors": (entry,)}, [repr(entry), "name=red,green,blue with integers 0..255"])
            for entry in (
                "a=1,2",
                "a=1,2,256",
                "a=1,2,-3",
                "a=",
                "=1,2,3",
                "a=1,2,x",
                "a=1,2,\u00b2",
            )
        ],
        ({"colors": {"a": (0, 300, 0)}}, ["'a=0,300,0'", "integers 0..255"]),
        ({"colors": {"a": (0.5, 3, 0)}}, ["'a=0.5,3,0'", "integers 0..255"]),
    ],
)
def test_shapes_that_cannot_be_drawn_are_refused(options, parts):
    assert_refused(ShapesConfig, options, *parts)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (
            {"height": 9, "width": 7, "kernel_size": 8, "padding": 0},
            ["layer conv_block.0, reached by 9x7 pixels", "kernel of size 8", "input of size 7"],
        ),
        (
            {"height": 7, "width": 9, "kernel_size": 4, "dilation": 4, "padding": 2},
            ["layer conv_block.0, reached by 7x9", "over 13 pixels", "padding 2 has 11"],
        ),
        (
            {"height": 16, "width": 40, "pooling": 4, "num_cnn_layers": 1},
            ["layer conv_block.8, reached by 1x2 pixels", "kernel of size 4"],
        ),
        (
            {"height": 20, "width": 20, "kernel_size": 5, "padding": 0, "num_cnn_layers": 3},
            ["layer conv_block.6, reached by 2x2 pixels", "kernel of size 5"],
        ),
    ],
)
def test_a_kernel_larger_than_its_input_names_layer_and_size(options, parts):
    assert_refused(CNNConfig, options, *parts)
    CNNConfig(**options | {"height": 200, "width": 200})


def test_a_picture_is_not_shrunk_to_more_than_its_noise():
    sizes = {"min_height": 9, "max_height": 8}
    assert_refused(ShrinkConfig, sizes, "min_height must not exceed max_height, got 9 > 8")
    sizes = {"image_height": 7, "min_height": 1, "max_height": 8}
    assert_refused(ShrinkConfig, sizes, "max_height must be at most image_height, 7, got 8")


def test_a_model_too_deep_for_the_pictures_of_a_run_is_refused():
    model = CNNConfig(num_cnn_layers=4)
    parts = ["conv_block.17", "reached by 1x1 pixels"]
    data = ShapesConfig(image_height=32, image_width=32, min_size=5, max_size=9)
    assert_refused(RunConfig, {"data": data, "model": model}, *parts)


def test_integers_and_numbers_of_numpy_count_as_pythons():
    config = RunConfig(
        num_each=np.int64(3), train=TrainConfig(seed=np.uint32(7), learning_rate=np.float32(0.5))
    )
    assert config == RunConfig(num_each=3, train=TrainConfig(seed=7, learning_rate=0.5))
    numbers = (config.num_each, config.train.seed, config.train.learning_rate)
    assert [type(number) for number in numbers] == [int, int, float]


def test_order_and_repetition_do_not_matter():
    plain = ShapesConfig(shapes=("circle", "triangle"), colors=("a=1,2,3", "red"))
    same = ShapesConfig(shapes=["triangle", "circle", "triangle"], colors=["red", "a=1,2,3"])
    mapped = ShapesConfig(
        shapes=("triangle", "circle"), colors={"red": (255, 0, 0), "a": (1, 2, 3)}
    )
    assert plain == same == mapped
    assert len({plain, same, mapped}) == 1
    assert plain == ShapesConfig(
        plain.image_height, shapes=plain.shapes, colors=("a=01,2,3", "red=255,0,0")
    )
    assert plain != ShapesConfig(shapes=("circle", "triangle"), colors=("a=1,2,4", "red"))


def test_shades_may_be_named_when_they_are_drawn():
    assert ShapesConfig(colors=("red", "black")) == ShapesConfig(colors=("red",))


def test_the_palette_is_that_of_the_syllabus():
    assert ShapesConfig().palette == COLORS
    assert list(ShapesConfig().palette) == sorted(COLORS)
    unshaded = {name: rgb for name, rgb in COLORS.items() if name not in ("black", "white")}
    assert ShapesConfig(shades=False).palette == unshaded


def test_class_names_are_in_label_order():
    config = ShapesConfig(shapes=("triangle", "circle"), colors={"moss": (0, 128, 7)})
    assert config.class_names("shape") == ("circle", "triangle")
    assert config.class_names("color") == ("black", "moss", "white")
    assert config.palette["moss"] == (0, 128, 7)
    assert config.num_combinations == 6
    with pytest.raises(ValueError, match="shape or color, got 'size'"):
        config.class_names("size")


@pytest.mark.parametrize(
    ("name", "rgb", "entry"),
    [
        ("red", (255, 0, 0), "red"),
        ("red", (254, 0, 0), "red=254,0,0"),
        ("a", (0, 9, 10), "a=0,9,10"),
    ],
)
def test_a_color_is_written_and_read(name, rgb, entry):
    assert color_entry(name, rgb) == entry
    assert parse_color(entry) == (name, rgb)


@pytest.mark.parametrize("config", [ShapesConfig(), CNNConfig(), TrainConfig(), RunConfig()])
def test_a_configuration_cannot_be_changed_and_can_be_hashed(config):
    name = dataclasses.fields(config)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, name, None)
    assert hash(config) == hash(dataclasses.replace(config))
    assert config == dataclasses.replace(config)


@pytest.mark.parametrize(("target", "num_classes"), [("shape", 2), ("color", 3)])
def test_a_run_fits_its_model_to_the_data(target, num_classes):
    data = ShapesConfig(24, 40, 3, 9, shapes=("circle", "diamond"), colors=("red",))
    model = CNNConfig(num_classes=9, num_input_channels=1, hidden_dim=5)
    config = RunConfig(data=data, target=target, model=model, validation_fraction=0.25)
    expected = dataclasses.replace(
        model, num_classes=num_classes, height=24, width=40, num_input_channels=3
    )
    assert config.model == expected
    assert config.fractions == {"train": 0.75, "validation": 0.25}
