"""The optimism of a choice: nothing without a choice, and what fresh images show where there is one."""

import json

import numpy as np
import pytest

from boxwright.evaluation import coco, names, optimism
from boxwright.evaluation.data import Dataset
from boxwright.evaluation.measure import measure
from boxwright.evaluation.optimism import Draws, Figures, draws, figures, of_choice

from .sets import found_of, images_of, random_set, truth_of

MAP50 = names.PRECISION + "mAP@.50IOU"


def test_a_resample_and_what_it_leaves_out():
    taken, left_out = draws(30, 50)
    assert taken.shape == left_out.shape == (50, 30)
    assert (taken.sum(axis=1) == 30).all()
    assert ((taken == 0) == (left_out == 1)).all() and left_out.max() == 1
    assert (draws(30, 50).taken == taken).all()


@pytest.mark.parametrize("crowd", [0.0, 0.2])
def test_the_figures_on_all_images_are_those_of_the_evaluation(crowd):
    dataset, detections = random_set(3, crowd=crowd, ties=True)
    once = Draws(*(np.ones((1, 60), np.uint8) for _ in range(2)))
    measured = measure(dataset, detections).metrics
    covered = [metric for metric in measured if optimism.covers(metric, dataset.label_map)]
    assert len(covered) == 3 + 2 * 5
    for metric in covered:
        found = figures(dataset, detections, metric, once)
        expected = np.nan if measured[metric] is None else measured[metric]
        np.testing.assert_allclose([found.whole, *found.taken, *found.left_out], [expected] * 3, atol=1e-9)
    assert not optimism.covers(names.RECALL + "AR@100", dataset.label_map)
    assert not optimism.covers(names.PER_CLASS + "no class", dataset.label_map)


def detector(random, images: int, quality: float):
    """One object in each image, found with the probability `quality`, and some false detections."""
    rows = []
    for image in range(images):
        rows += [(image, (10, 10, 60, 60), random.beta(5, 2), 1)] * (random.random() < quality)
        rows += [(image, (200, 200, 260, 260), random.beta(2, 5), 1)] * (random.random() < 0.3)
    return found_of(*zip(*sorted(rows, key=lambda row: (row[0], -row[2])), strict=True))


def set_of(images: int) -> Dataset:
    truth = truth_of(range(images), [(10, 10, 60, 60)] * images, [1] * images)
    return Dataset(images_of(images), truth, {"cat": 1})


@pytest.mark.parametrize("qualities", [(0.8,) * 6, (0.8, 0.8)])
def test_it_is_what_fresh_images_show(qualities):
    """Checkpoints of one quality: the chosen figure is above the mean of fresh sets by as much as was measured."""
    random, images, sets = np.random.default_rng(1), 40, 40
    dataset, once = set_of(images), Draws(*(np.ones((1, images), np.uint8) for _ in range(2)))
    fresh = [figures(dataset, detector(random, images, qualities[0]), MAP50, once).whole for _ in range(300)]
    measured, true = [], []
    for number in range(sets):
        drawn = draws(images, 150, number)
        found = [figures(dataset, detector(random, images, quality), MAP50, drawn) for quality in qualities]
        measured.append(of_choice({"m": [found]})[0])
        true.append(max(one.whole for one in found) - np.mean(fresh))
    error = np.hypot(np.std(true) / np.sqrt(sets), np.std(measured) / np.sqrt(sets))
    assert abs(np.mean(measured) - np.mean(true)) < 3 * error
    assert np.mean(measured) > 3 * np.std(measured) / np.sqrt(sets)


def test_without_a_choice_there_is_none():
    random = np.random.default_rng(0)
    drawn = draws(30, 100)
    one, worse = (figures(set_of(30), detector(random, 30, quality), MAP50, drawn) for quality in (0.9, 0.1))
    for steps in ([one], [worse, one], [one, one]):
        assert of_choice({"m": [steps]})[0] == pytest.approx(0, abs=1e-12)
    # two repetitions of one model, each with one checkpoint: nothing was chosen
    assert of_choice({"m": [[one], [worse]]})[0] == pytest.approx(0, abs=1e-12)


def made(whole, taken, left_out):
    return Figures(whole, np.array(taken), np.array(left_out))


def test_the_model_is_chosen_as_well():
    a = made(0.6, [0.9, 0.1, 0.8, 0.2], [0.3, 0.9, 0.4, 0.8])  # in what is left out 0.6 in the mean
    b = made(0.5, [0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5])
    both, single = of_choice({"a": [[a]], "b": [[b]]})
    assert single == pytest.approx({"a": 0, "b": 0})
    assert both == pytest.approx(0.6 - np.mean([0.3, 0.5, 0.4, 0.5]))
    # as two checkpoints of one model
    assert of_choice({"m": [[a, b]]})[0] == pytest.approx(both)
    # a resample without boxes is left out; a metric without a value has no optimism
    lacking = [replace_first(one, np.nan) for one in (a, b)]
    assert of_choice({"m": [lacking]})[0] == pytest.approx(0.6 - np.mean([0.5, 0.4 - 0.1, 0.5]))
    undefined = made(np.nan, [np.nan], [np.nan])
    assert of_choice({"m": [[undefined]]}) == (None, {"m": None})


def replace_first(one, value):
    taken = one.taken.copy()
    taken[0] = value
    return one._replace(taken=taken)


def test_from_files(tmp_path):
    random = np.random.default_rng(2)
    dataset, paths = set_of(20), []
    for step in range(3):
        coco.write_results(tmp_path / f"{step}.json", detector(random, 20, 0.7))
        paths.append(tmp_path / f"{step}.json")
    found = optimism.measure(dataset, {"m": [paths]}, MAP50)
    assert list(found) == ["metric", "resamples", "checkpoints", "optimism", "models", "reason"]
    assert found["checkpoints"] == 3 and found["reason"] is None
    assert found["optimism"] == found["models"]["m"] > 0
    json.dumps(found, allow_nan=False)
    other = optimism.measure(dataset, {"m": [paths]}, names.RECALL + "AR@1")
    assert other["optimism"] is None and "it is measured for" in other["reason"]
    coco.write_results(tmp_path / "none.json", found_of([], [], [], []))
    nothing = optimism.measure(dataset, {"m": [[tmp_path / "none.json"]]}, MAP50)
    assert nothing["optimism"] == pytest.approx(0)
