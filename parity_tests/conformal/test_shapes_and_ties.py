"""Ties that must stay ties when compiled, thresholds that must not broadcast, graphs not kept."""

import copy
from functools import partial

import jax
import numpy as np
import pytest
import torch

import zoojax.conformal as ours
import zootorch.conformal as theirs
from parity_tests.helpers.builders import check_refused
from zoojax.spec.conformal import coverage_band

PROBS = np.tile([0.9, *([0.1 / 9] * 9)], (9, 1))
ONE_HOT = np.tile(np.eye(10)[0], (9, 1))


@pytest.mark.parametrize("option", [0.1, 0.15, 0.2, 0.3, 0.7])
@pytest.mark.parametrize("probs", [PROBS, ONE_HOT], ids=["spread", "one-hot"])
def test_scores_that_are_equal_on_paper_stay_equal_when_compiled(probs, option, x64):
    """All calibration samples are alike, so that each of them is in its own set."""
    labels = np.full(9, 3)
    scores = {
        partial(ours.saps, weight=option): theirs.SAPS(weight=option),
        partial(ours.raps, penalty=option): theirs.RAPS(penalty=option),
        ours.aps: theirs.APS(),
    }
    for score, twin in scores.items():
        threshold = ours.calibrate(ours.label_scores(score(probs), labels), 0.1)
        eager = ours.prediction_sets(probs, threshold, score=score)
        compiled = jax.jit(partial(ours.prediction_sets, score=score))(probs, threshold)
        predictor = theirs.SplitConformalClassifier(0.1, score=twin)
        predictor.calibrate(torch.from_numpy(probs), torch.from_numpy(labels))
        for sets in (eager, compiled, predictor.predict_sets(torch.from_numpy(probs))):
            assert np.asarray(sets)[:, :4].all()
        np.testing.assert_array_equal(compiled, eager)


RESIDUALS = [
    (ours.absolute, theirs.AbsoluteResidual(), 1),
    (ours.normalized, theirs.NormalizedResidual(), 2),
    (ours.cqr, theirs.CQR(), 2),
    (ours.asymmetric_cqr, theirs.AsymmetricCQR(), 2),
]


@pytest.mark.parametrize(("residual", "twin", "num"), RESIDUALS)
def test_a_threshold_of_another_shape_is_refused_and_not_broadcast(residual, twin, num):
    tails = (2,) * (residual.num_tails == 2)
    predicted = [np.ones((5, 1))] * num
    tensors = [torch.ones(5, 1)] * num
    for shape in ((5,), (3,), (5, 5), (1, 5)):
        check_refused(
            f"threshold must have one of the shapes {tails}, {(1, *tails)}, {(5, 1, *tails)}, got",
            lambda shape=shape: residual.interval(np.ones((*shape, *tails)), *predicted),
            lambda shape=shape: twin.interval(torch.ones((*shape, *tails)), *tensors),
        )
    for shape in ((), (1,), (5, 1)):
        interval = residual.interval(np.ones((*shape, *tails)), *predicted)
        other = twin.interval(torch.ones((*shape, *tails)), *tensors)
        assert interval.lower.shape == tuple(other.lower.shape) == (5, 1)


@pytest.mark.parametrize(("residual", "twin", "num"), RESIDUALS)
def test_as_many_predictions_as_a_residual_needs(residual, twin, num):
    message = rf"needs {num} predictions of a target, got {num + 1}"
    too_many = [torch.ones(5)] * (num + 1)
    with pytest.raises(ValueError, match=message):
        theirs.SplitConformalRegressor(0.1, twin).calibrate(torch.ones(5), *too_many)
    with pytest.raises(ValueError, match=message):
        twin.interval(1.0, *too_many)
    with pytest.raises(TypeError):
        residual.score(*too_many, np.ones(5))


@pytest.mark.parametrize(
    ("probs", "sums"), [([[0.9, 0.9, 0.8]], "2.6"), ([[0.1, 0.1, 0.05]], "0.25")]
)
def test_probabilities_add_up_to_one(probs, sums):
    probs = np.array(probs)
    for score, twin in ((ours.lac, theirs.LAC()), (ours.aps, theirs.APS())):
        check_refused(
            f"probs of a sample must add up to 1, got sums from {sums}",
            lambda score=score: score(probs),
            lambda twin=twin: twin(torch.from_numpy(probs)),
        )


def test_probabilities_of_half_precision_do(x64):
    probs = np.random.default_rng(0).dirichlet(np.ones(50), 20)
    for dtype in (torch.float16, torch.bfloat16):
        sets = theirs.SplitConformalClassifier(0.1, score=theirs.APS())
        half = torch.from_numpy(probs).to(dtype)
        sets.calibrate(half, torch.arange(20))
        assert sets.threshold.dtype == torch.float32
        scores = ours.aps(jax.numpy.asarray(half.float().numpy()))
        np.testing.assert_allclose(theirs.APS()(half), scores, rtol=1e-6)


def leaf(*shape):
    """Return numbers over 0 that need a gradient."""
    return torch.rand(*shape).requires_grad_()


PREDICTORS = {
    "split": (theirs.SplitConformalClassifier(0.3), ()),
    "label shift": (theirs.LabelShiftClassifier(0.3, leaf(4)), ()),
    "groups": (theirs.GroupConformalClassifier(0.3, 2), (torch.arange(20) % 2,)),
    "weights": (theirs.WeightedConformalClassifier(0.3), (leaf(20),)),
}


@pytest.mark.parametrize("name", PREDICTORS)
def test_a_predictor_keeps_no_graph(name):
    predictor, more = PREDICTORS[name]
    probs = leaf(20, 4).softmax(1)
    predictor.calibrate(probs, torch.arange(20) % 4, *more)
    copy.deepcopy(predictor)
    assert not predictor.predict_sets(probs, *more).requires_grad


def test_a_regressor_keeps_no_graph():
    regressor = theirs.SplitConformalRegressor(0.3)
    regressor.calibrate(leaf(20), leaf(20))
    assert not regressor.threshold.requires_grad
    weighted = theirs.WeightedConformalRegressor(0.3)
    weighted.calibrate(leaf(20), leaf(20), weights=leaf(20))
    copy.deepcopy(weighted)
    cross = theirs.CrossConformalRegressor(0.3)
    cross.calibrate(leaf(20), torch.arange(20) % 4)
    copy.deepcopy(cross)


@pytest.mark.parametrize(
    "counts", [(100, 0), (-5, 10), (100, -3), (10.5, 10), (10, 10.7), ([1, 2], [3]), ([], [])]
)
def test_counts_of_a_band_that_cannot_be_are_refused(counts):
    with pytest.raises(ValueError, match="num_calibration and num_tests must be integers"):
        coverage_band(*counts, 0.1)


def test_what_evaluates_is_in_the_packages():
    sets, labels = np.array([[True, False], [True, True]]), np.array([1, 1])
    assert float(ours.coverage(sets, labels)) == 0.5
    covered = theirs.Coverage()
    covered.update(torch.from_numpy(sets), torch.from_numpy(labels))
    assert float(covered.compute()) == 0.5
