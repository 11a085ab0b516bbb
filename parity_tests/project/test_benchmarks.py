"""The benchmarks run, compare like with like, and say what they found."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

import zootorch.weights
from benchmarks import __main__ as command
from benchmarks import (
    contenders,
    machine,
    payoffs,
    render,
    shape_tables,
    simulation,
    suite,
    where,
    workloads,
)
from benchmarks.plain import Plain
from benchmarks.timing import Timing, interleave
from parity_tests.helpers.builders import variants
from zoojax.common import shape_benchmark
from zoojax.common.storage import files

EACH = ("mlp", "lstm", "cnn, 16 channels, 64 px")


def tiny(name):
    """Return a workload with few samples and without dropout."""
    config = workloads.WORKLOADS[name]
    model = dataclasses.replace(config.model, dropout=0.0)
    return dataclasses.replace(config, num_each=1, model=model)


@pytest.mark.parametrize("name", variants(EACH, quick=("lstm",)))
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


def test_torch_compiles_and_trains_an_lstm():
    config = tiny("lstm")
    train = workloads.samples(config)
    losses = [make(config, train).step() for make in (contenders.Torch, contenders.torch_compiled)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


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


PROGRAM = """HloModule jit_train_step
%body (param_0: f32[2]) -> f32[2] {
  %param_0 = f32[2]{0} parameter(0)
  %sin = f32[2]{0} sine(%param_0), metadata={op_name="jvp(CNN)/fc/sin"}
  %cos = f32[2]{0} cosine(%sin), metadata={op_name="jvp(CNN)/fc/cos"}
  ROOT %add = f32[2]{0} add(%cos, %cos), metadata={op_name="transpose(jvp(CNN))/fc/add"}
}
ENTRY %main (x: f32[2]) -> f32[2] {
  %x = f32[2]{0} parameter(0)
  %input = f32[2]{0} tanh(%x), metadata={op_name="jvp(CNN)/conv_block_0/tanh"}
  %summed = f32[2]{0} fusion(%input), kind=kLoop, calls=%body
  %weights = f32[2]{0} convolution(%input, %summed), window={size=3}
  %loss = f32[2]{0} negate(%x), metadata={op_name="jvp(loss)/neg"}
  ROOT %both = (f32[2]{0}, f32[2]{0}) tuple(%weights, %loss)
}
"""


def test_operations_without_a_name_belong_to_their_body_or_their_last_operand():
    layers = where.layers_of(PROGRAM)
    assert layers["input"] == "conv_block_0, forward"
    assert layers["summed"] == "fc, backward"
    assert layers["weights"] == "fc, backward"
    assert layers["loss"] == layers["x"] == "all else"


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


@pytest.mark.slow
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
    timings = {"plain": Timing(2.0, 1.0, 3.0), "zoojax": Timing(0.5, 0.4, 1.0)}
    timings |= {"zootorch": Timing(4.0, 3.0, 5.0), "zootorch, compiled": Timing(1.0, 1.0, 2.0)}
    found = suite.rows(timings, 64)
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
    monkeypatch.setattr(render, "RESULTS", tmp_path)
    monkeypatch.setattr(render, "README", tmp_path / "README.md")
    monkeypatch.setattr(render, "FRONT", tmp_path / "front.md")
    (tmp_path / "here.json").write_text(json.dumps(results))
    for page, name in ((render.README, "results"), (render.FRONT, "speed")):
        mark = f"<!-- {name}, made by benchmarks/render.py -->\n"
        page.write_text(f"before\n{mark}old\n<!-- end -->\nafter\n")
    render.main()
    text, front = render.README.read_text(), render.FRONT.read_text()
    for page in (text, front):
        assert page.startswith("before\n<!-- ")
        assert page.endswith("|\n<!-- end -->\nafter\n")
    assert "| mlp | plain | 2e+03 (1e+03 to 3e+03) | 32 | 1.00 |" in text
    assert "|  | zoojax | 500 (400 to 1e+03) | 128 | 4.00 |" in text
    assert (
        "cores | plain | zoojax | zootorch | zootorch, compiled |\n|---|---|---|---|---|\n" in front
    )
    assert "| simulation, 224 px | 32 | 128 | 16 | 64 |\n| training, mlp | 32 | 128 | 16 |" in front
    aims = render.aims(render.load())
    assert aims.endswith(
        "| simulation | 3.5 | 4.00 | 2.00 |\n| epoch, mlp | 10.0 | 4.00 | 2.00 |\n"
    )
    assert (tmp_path / "here.png").read_bytes()[:4] == b"\x89PNG"


def test_tables_of_the_workshops_benchmark_say_what_its_summaries_hold(tmp_path):
    scores = {
        "accuracy": 0.5,
        "roc_auc": {"macro": 0.75},
        "precision": {"each": [0.25, 0.5, 0.5, None]},
        "recall": {"each": [1.0, 0.0, 1.0, 0.0]},
    }
    names = shape_benchmark.TEST.class_names("shape")
    summary = shape_benchmark.summarise([scores, {**scores, "accuracy": 1.0}], names)
    about = {
        "recipe": shape_benchmark.RECIPES["workshop"]["shape"],
        "summaries": {"zoojax": summary, "zootorch": summary},
    }
    (tmp_path / "workshop").mkdir()
    files.write_json(tmp_path / "workshop" / "shape-summary.json", files.without_nan(about))
    summaries = shape_tables.load(tmp_path)
    assert list(summaries) == [("workshop", "shape")]
    figures = "75.00 ± 35.36 | 75.00 ± 35.36 | 75.00 ± 0.00 | 75.00 ± 0.00"
    row = f"| shape | workshop | 64,000 x 50 epochs | 2 | {figures} |\n"
    assert shape_tables.overview(summaries).splitlines(keepends=True)[2:] == [row]
    lines = [line.split() for line in shape_tables.in_full(summaries).splitlines()]
    assert f"| precision of {names[0]} | 25.00 ± 0.00 | 25.00 ± 0.00 |".split() in lines
    assert f"| precision of {names[3]} | nan ± nan | nan ± nan |".split() in lines


@pytest.mark.parametrize(("page", "num"), [(render.README, 3), (render.FRONT, 2)])
def test_the_page_is_up_to_date(page, num):
    text = page.read_text()
    assert text == render.with_tables(text)
    assert len(render.MARKS.findall(text)) == num


def test_results_are_written_after_each_table(tmp_path, monkeypatch):
    def break_off(preset):
        yield "step", "mlp", {"plain": {"seconds": [1.0, 1.0, 1.0]}}
        raise KeyboardInterrupt

    monkeypatch.setitem(suite.SECTIONS, "training", break_off)
    monkeypatch.setattr(machine, "prepare", lambda: False)  # it changes this whole process
    monkeypatch.setenv(machine.KEEP, "")
    path = tmp_path / "results.json"
    arguments = ["benchmarks", "quick", "--only", "training", "--out", str(path)]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(KeyboardInterrupt):
        command.main()
    found = json.loads(path.read_text())
    assert found["preset"] == "quick"
    assert found["sections"] == {"step": {"mlp": {"plain": {"seconds": [1.0, 1.0, 1.0]}}}}


def test_sections_that_are_not_measured_again_stay_with_their_commit():
    machine_then = {"gpu": None, "commit": "old", "load before": 0.0}
    about = {"preset": "cpu", "memory kept": False, "rounds": 3}
    before = {
        **about,
        "machine": machine_then,
        "sections": {"step": {"mlp": 1}, "epoch": {"mlp": 2}, "where": {"mlp": 3}},
        "commits": {"where": "oldest"},
    }
    now = {
        **about,
        "machine": machine_then | {"commit": "new", "load before": 0.5},
        "sections": {"step": {"mlp": 4}},
    }
    found = command.with_earlier(now, before)
    assert found["sections"] == {"step": {"mlp": 4}, "epoch": {"mlp": 2}, "where": {"mlp": 3}}
    assert found["commits"] == {"epoch": "old", "where": "oldest"}
    assert found["machine"]["commit"] == "new"
    assert command.with_earlier(now, {}) == now
    with pytest.raises(ValueError, match="results of another machine"):
        command.with_earlier(now | {"machine": {"gpu": "one", "commit": "new"}}, before)
    with pytest.raises(ValueError, match="results of another preset"):
        command.with_earlier(now | {"preset": "gpu"}, before)
