"""What is timed: the two backends, a plain NumPy loop, and eager torch in its usual layout."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import nn

import zoojax
import zoojax.pipeline
import zootorch
import zootorch.pipeline
from zoojax.spec.config import CNNConfig, ShapesConfig, TrainConfig
from zoojax.spec.records import Batch

SIZE, BATCH, NUM_SIMULATED = 224, 32, 512
DATA = ShapesConfig(image_height=SIZE, image_width=SIZE)
MODEL = CNNConfig(height=SIZE, width=SIZE, num_cnn_channels=16, num_cnn_layers=1)
NUM_EACH = NUM_SIMULATED // DATA.num_combinations
NUM_MEASURED = 3


def numpy_loop(scenes: list[tuple[Any, ...]]) -> None:
    """Draw noise for each background and each box, as the workshop; scenes and masks are given."""
    names = DATA.shapes
    for kind, rgb, size, top, left, *turned in scenes:
        image = np.random.randint(0, 256, (SIZE, SIZE, 3), np.uint8)  # noqa: NPY002
        box = np.random.randint(0, 256, (size, size, 3), np.uint8)  # noqa: NPY002
        mask = zootorch.shape_mask(
            names[kind], size, size, upside_down=turned[0], sideways=turned[1]
        )
        box[mask.numpy()] = rgb
        image[top : top + size, left : left + size] = box


def simulators() -> dict[str, Callable[[], object]]:
    """Return what simulates ``NUM_SIMULATED`` pictures, in batches of ``BATCH``."""
    drawn = zootorch.ShapesDataset(DATA, NUM_EACH, 0).scenes
    fields = (drawn.shape, drawn.rgb, drawn.size, drawn.top, drawn.left)
    columns = [field.tolist() for field in (*fields, drawn.upside_down, drawn.sideways)]
    scenes = list(zip(*columns, strict=True))

    def jax_batches() -> None:
        for batch in zoojax.pipeline.simulate_batches(DATA, NUM_EACH, 0, BATCH):
            jax.block_until_ready(batch)

    def torch_batches() -> None:
        for _ in zootorch.pipeline.simulate_batches(DATA, NUM_EACH, 0, BATCH):
            pass

    return {
        "NumPy loop, as the workshop": lambda: numpy_loop(scenes),
        "zoojax": jax_batches,
        "zootorch": torch_batches,
    }


def batch() -> Batch:
    """Return pictures and labels, NumPy arrays."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (BATCH, SIZE, SIZE, 3), np.uint8)
    return Batch(images, generator.integers(0, MODEL.num_classes, BATCH, np.int32))


def plain_step() -> Callable[[], float]:
    """Return a step of the workshop's model in eager torch, in its usual order NCHW."""
    device = zootorch.pipeline.best_device()
    channels = MODEL.num_cnn_channels
    layers: list[nn.Module] = []
    for block in range(MODEL.num_cnn_layers + 2):
        layers.append(nn.Conv2d(channels if block else 3, channels, 3, padding=1))
        pool = nn.MaxPool2d if block <= MODEL.num_cnn_layers else nn.AvgPool2d
        layers += [nn.BatchNorm2d(channels), pool(2)]
    layers += [nn.Flatten(), nn.Linear(channels * (SIZE // 8) ** 2, MODEL.hidden_dim)]
    layers += [nn.BatchNorm1d(MODEL.hidden_dim), nn.ReLU(), nn.Dropout(MODEL.dropout)]
    model = nn.Sequential(*layers, nn.Linear(MODEL.hidden_dim, MODEL.num_classes)).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    images, labels = (torch.from_numpy(each).to(device) for each in batch())
    labels = labels.long()

    def step() -> float:
        optimizer.zero_grad()
        logits = model(zootorch.standardise(images).contiguous())
        loss = nn.functional.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def torch_step() -> Callable[[], float]:
    """Return a step of zootorch, which keeps torch's ``channels_last`` order."""
    device = zootorch.pipeline.best_device()
    model = zootorch.CNN(MODEL, zootorch.Generator(0)).to(device)
    trainer = zootorch.Trainer(model, TrainConfig())
    tensors = Batch(*(torch.from_numpy(each).to(device) for each in batch()))
    return lambda: trainer.step(tensors).item()


def jax_step() -> Callable[[], float]:
    """Return a step of zoojax."""
    model = zoojax.CNN(MODEL)
    variables = zoojax.init(jax.random.key(0), model, jnp.zeros((1, SIZE, SIZE, 3)))
    state = zoojax.create_state(model, variables, TrainConfig())
    arrays = jax.device_put(batch())

    def step() -> float:
        nonlocal state
        state, metrics = zoojax.train_step(state, arrays)
        jax.block_until_ready(state.params)
        return float(metrics["loss"])

    return step


def steps() -> dict[str, Callable[[], Callable[[], float]]]:
    """Return makers of training steps by the contenders' names."""
    return {"eager torch, NCHW": plain_step, "zoojax": jax_step, "zootorch": torch_step}


def resident(field: str) -> int:
    """Return VmRSS or VmHWM, resident memory of this process now or at most, in bytes."""
    (kibibytes,) = re.findall(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())
    return 1024 * int(kibibytes)


def memory_of(name: str) -> int:
    """Return the bytes that steps of a contender need beyond what the process held before.

    On a GPU the peak of the framework's own allocator.
    """
    on_gpu = torch.cuda.is_available()
    before = resident("VmRSS")
    step = steps()[name]()
    step()  # compiles, which takes memory of its own
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    if on_gpu and name != "zoojax":
        torch.cuda.reset_peak_memory_stats()
    for _ in range(NUM_MEASURED):
        step()
    if not on_gpu:
        return resident("VmHWM") - before
    if name == "zoojax":
        return jax.devices()[0].memory_stats()["peak_bytes_in_use"]
    return torch.cuda.max_memory_allocated()
