"""The benchmarks run, compare like with like, and say what they found."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

import zootorch.weights
from benchmarks import machine, payoffs, render, simulation, suite, where, workloads
from benchmarks.plain import Plain
from benchmarks.timing import Timing, interleave

EACH = ("mlp", "lstm", "cnn, 16 channels, 64 px")


def tiny(name):
    """Return a workload with few samples and without dropout."""
    config = workloads.WORKLOADS[name]
    model = dataclasses.replace(config.model, dropout=0.0)
    return dataclasses.replace(config, num_each=1, model=model)


@pytest.mark.parametrize("name", EACH)
def test_contenders_train_the_same_model_on_the_same_samples(name):
    config = tiny(name)
    train = workloads.samples(config)
    made = {each: suite.CONTENDERS[each](config, train) for each in suite.EAGER}
    for contender in made.values():
        contender.forward()
        assert math.isfinite(contender.epoch())
    sizes = [sum(p.numel() for p in made["plain"].model.parameters())]
    sizes.append(sum(p.numel() for p in made["zootorch"].trainer.model.parameters()))
    assert sizes[0] == sizes[1]
    assert made["zootorch"].trainer.num_steps == workloads.num_steps(config, len(train.targets))
    assert int(made["zoojax"].state.step) == made["zootorch"].trainer.num_steps
    cost = made["zoojax"].cost()
    assert cost["flops"] > 0
    assert cost["bytes"] > 0


def test_the_plain_model_is_zootorchs_with_the_same_weights():
    config = tiny("cnn, 16 channels, 64 px")
    train = workloads.samples(config)
    plain = Plain(config, train)
    module = suite.CONTENDERS["zootorch"](config, train).trainer.model
    pairs = zip(plain.model.parameters(), module.parameters(), strict=True)
    with torch.no_grad():
        for ours, theirs in pairs:
            ours.copy_(theirs)
        plain.model.eval()
        images = torch.from_numpy(train.inputs[:4])
        found = plain.model(plain.standardise(images.permute(0, 3, 1, 2)))
        expected = zootorch.predict(module, images)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_rounds_take_turns_and_short_calls_are_repeated():
    called = []
    timings = interleave(
        {name: lambda name=name: called.append(name) for name in "ab"}, num_rounds=4, num_warm=1
    )
    assert called == list("ab" + "ab" + "ba" + "ab" + "ba")
    assert all(0 <= t.low <= t.median <= t.high for t in timings.values())
    calls = []
    interleave({"a": lambda: calls.append(1)}, num_rounds=1, num_warm=1, least=0.001)
    assert len(calls) > 10


def test_shares_of_the_roofline_are_least_time_over_time():
    found = suite.rows({"plain": Timing(2.0, 1.0, 3.0), "zoojax": Timing(0.5, 0.4, 1.0)}, 64)
    assert found["zoojax"]["times the first"] == 4
    assert found["zoojax"]["samples/s"] == 128
    suite.add_shares(found, {"flops": 8.0, "bytes": 3.0}, {"flops": 32.0, "bytes": 30.0})
    assert found["zoojax"]["share"] == 0.5
    assert found["plain"]["share"] == 0.125


def test_layers_are_told_by_the_names_of_operations():
    assert where.layer_of("jit(train_step)/jvp(CNN)/conv_block_0/add") == "conv_block_0, forward"
    backward = "jit(train_step)/transpose(jvp(RNN))/rnn_l1/while/body/closed_call/mul"
    assert where.layer_of(backward) == "rnn_l1, backward"
    assert where.layer_of("jit(train_step)/sub") == "all else"


@pytest.mark.parametrize(("shares", "contender"), [("jax", "zoojax"), ("torch", "zootorch")])
def test_shares_of_a_step_are_parts_of_a_whole(shares, contender):
    config = tiny("mlp")
    made = suite.CONTENDERS[contender](config, workloads.samples(config))
    found = getattr(where, f"{shares}_shares")(made)
    assert sum(found.values()) == pytest.approx(1)
    assert all(part >= 0.02 for name, part in found.items() if name != "all else")
    assert set(found) - {"all else"}


def test_ensembles_and_precisions_make_what_they_are_timed_for():
    config = tiny("mlp")
    train = workloads.samples(config)
    losses = {name: call() for name, call in payoffs.precisions(config, train).items()}
    assert losses["zoojax, float32"] != losses["zoojax, bfloat16"]
    assert losses["zoojax, bfloat16"] == pytest.approx(losses["zoojax, float32"], rel=0.05)
    calls = payoffs.ensembles(config, train, 2)
    histories = calls["zootorch"]()
    (_, others) = calls["zoojax"]()
    for ours, theirs in zip(histories, others, strict=True):
        np.testing.assert_allclose(ours.step_losses, theirs.step_losses, rtol=1e-5)


def test_fresh_pictures_are_not_the_stored_ones():
    config = dataclasses.replace(tiny(payoffs.SMALL_CNN), num_each=2)
    losses = {name: call() for name, call in payoffs.pictures(config).items()}
    assert losses["zoojax, stored"] != losses["zoojax, fresh"]
    assert losses["zoojax, fresh"] != losses["zootorch, stored"]


def test_simulators_make_the_pictures_that_they_are_timed_for():
    assert simulation.NUM % simulation.BATCH == 0
    assert simulation.NUM % simulation.SHAPES.num_combinations == 0
    assert next(iter(simulation.simulators())) == "plain"


def test_the_page_is_made_of_the_results(tmp_path, monkeypatch):
    found = suite.rows({"plain": Timing(2.0, 1.0, 3.0), "zoojax": Timing(0.5, 0.4, 1.0)}, 64)
    results = {
        "machine": machine.machine(),
        "ceilings": {"bytes": 2e10, "flops": 1e11},
        "rounds": 3,
        "sections": {
            "simulation": {"pictures of 224 px": found},
            "epoch": {"mlp": found},
            "import": {"a new process": found},
        },
    }
    (tmp_path / "here.json").write_text(json.dumps(results))
    (tmp_path / "README.md").write_text("before\n<!-- results -->\nold\n<!-- end -->\nafter\n")
    monkeypatch.setattr(render, "RESULTS", tmp_path)
    monkeypatch.setattr(render, "README", tmp_path / "README.md")
    monkeypatch.setattr(render, "FRONT", tmp_path / "front.md")
    mark = "<!-- speed, made by benchmarks/render.py -->\n"
    (tmp_path / "front.md").write_text(f"{mark}old\n<!-- end -->\nafter\n")
    render.main()
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("before\n<!-- results -->\n## ")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "| mlp | plain | 2e+03 (1e+03 to 3e+03) | 32 | 1.00 |" in text
    assert "|  | zoojax | 500 (400 to 1e+03) | 128 | 4.00 |" in text
    front = (tmp_path / "front.md").read_text()
    assert "cores | plain | zoojax |\n|---|---|---|\n" in front
    assert "| simulation, 224 px | 32 | 128 |\n| training, mlp | 32 | 128 |\n" in front
    assert front.endswith("<!-- end -->\nafter\n")
    assert (tmp_path / "here.png").read_bytes()[:4] == b"\x89PNG"


def test_the_page_is_up_to_date():
    text = render.README.read_text()
    tables = "\n".join(render.tables(name, each) for name, each in render.load().items())
    assert render.MARKS.search(text)[0] == f"<!-- results -->\n{tables}<!-- end -->"
    (_, after) = render.SPEED.search(render.FRONT.read_text())[0].split("-->\n", 1)
    assert after == f"{render.front(render.load())}<!-- end -->"
