"""The comparison itself: a wrong engine fails it, NaN passes nowhere, and it says what it has not compared."""

from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import compare
import compare_faster_rcnn
import compare_resizers
import golden_case
import numpy as np
import pytest
import tensorflow as tf
from bars import ANY

from boxwright.boxes.anchors import tiling
from boxwright.detector.hyperparams import Regularizer
from boxwright.detector.layers import Normalizer
from boxwright.detector.necks.fpn import FeaturePyramid

CASE = "tf2_ssd_mobilenet_v2_fpnlite"


def of_batch_norm(monkeypatch, **changed):
    """Every batch norm has other settings: by name, a function of the right value."""
    right = Normalizer.__init__

    def wrong(self, variables, name, channels, settings):
        other = {field: change(getattr(settings, field)) for field, change in changed.items()}
        right(self, variables, name, channels, replace(settings, **other))

    monkeypatch.setattr(Normalizer, "__init__", wrong)


def epsilon(monkeypatch):
    of_batch_norm(monkeypatch, epsilon=lambda value: 1.05 * value)


def decay(monkeypatch):
    of_batch_norm(monkeypatch, decay=lambda value: 1 - 1.01 * (1 - value))


def penalty(monkeypatch):
    right = Regularizer.__call__
    monkeypatch.setattr(Regularizer, "__call__", lambda self, variable: 1.0001 * right(self, variable))


def anchor_offset(monkeypatch):
    """The anchors of the second map lie a thousandth of a cell to the right."""
    right, maps = tiling.tile, []

    def wrong(shape, sizes, strides, offset):
        maps.append(shape)
        if len(maps) == 2:
            offset = (offset[0], offset[1] + 0.001 * strides[1])
        return right(shape, sizes, strides, offset)

    monkeypatch.setattr(tiling, "tile", wrong)


def merge_order(monkeypatch):
    """A pyramid enlarges the sum, as in TF1, instead of the result."""
    right = FeaturePyramid.__call__

    def wrong(self, *arguments):
        self._keras = False
        return right(self, *arguments)

    monkeypatch.setattr(FeaturePyramid, "__call__", wrong)


@pytest.mark.parametrize(
    "mutate",
    [epsilon, anchor_offset, merge_order, decay, penalty],
    ids=lambda mutate: mutate.__name__,
)
def test_a_wrong_engine_fails(shared, monkeypatch, mutate):
    mutate(monkeypatch)
    assert any(not check.passed for check in compare.checks(shared / "parity" / CASE))


NAN = np.array([1.0, np.nan, 3.0], np.float32)


@pytest.mark.parametrize(
    "check",
    [
        golden_case.relative("", NAN, np.ones(3), 1.0),
        golden_case.relative("", np.ones(3), NAN, 1.0),
        golden_case.mean_square("", NAN, np.arange(3), 1.0),
        golden_case.absolute("", NAN, NAN, 1.0),
        golden_case.absolute("", NAN, NAN, np.inf),
        golden_case.equal("", NAN, NAN),
        golden_case.ratio("", np.nan, 1.0, 1.0),
    ],
)
def test_nan_fails_a_check(check):
    assert not check.passed


@pytest.mark.parametrize("compared", [golden_case.relative, golden_case.absolute, golden_case.mean_square])
def test_another_shape_fails_whatever_the_bar(compared):
    check = compared("", np.ones([2, 3]), np.ones([3, 2]), ANY)
    assert not check.passed and "[2, 3] for [3, 2]" in str(check)
    assert not golden_case.equal("", np.ones([1, 3]), np.ones(3)).passed


@pytest.mark.parametrize("compared", [golden_case.relative, golden_case.mean_square])
def test_another_shape_fails_where_the_samples_are_alike(compared):
    entry = {"subsampled": {"x": {"shape": [2, 2], "stride": 2, "std": 1.0}}}
    recorded = {"x": np.ones(2)}
    assert golden_case.large(entry, "x", np.ones([2, 2]), recorded, ANY, compared).passed
    assert not golden_case.large(entry, "x", np.ones([4, 1]), recorded, ANY, compared).passed


def test_what_is_not_finite_fails_where_nothing_is_compared():
    assert golden_case.Check("", 1e30, ANY).passed
    assert not golden_case.Check("", np.inf, ANY).passed
    assert not golden_case.relative("", [np.inf, 1.0], [1.0, 1.0], ANY).passed


def test_nan_between_the_samples_of_a_tensor_fails():
    entry = {"subsampled": {"x": {"shape": [4], "stride": 2, "std": 1.0}}}
    assert golden_case.large(entry, "x", np.ones(4), {"x": np.ones(2)}, 1.0).passed
    assert not golden_case.large(entry, "x", [1, np.nan, 1, 1], {"x": np.ones(2)}, 1.0).passed


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_the_worst_is_nan_wherever_it_stands(names):
    errors = dict(zip(names, (np.nan, 2.0), strict=True))
    name, error = golden_case.worst(errors)
    assert name == names[0] and np.isnan(error)
    assert golden_case.worst({}) == ("", 0.0)


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_gradient_that_is_nan_fails(name):
    entry = {"grad_norms": {"a": 1.0, "b": 1.0}, "global_grad_norm": 2**0.5}
    ours = {"a": 1.0, "b": 1.0}
    assert all(check.passed for check in golden_case.gradient_checks("", ours, entry, 1e-3, 1e-12))
    *_, one = golden_case.gradient_checks("", ours | {name: np.nan}, entry, 1e-3, 1e-12)
    assert not one.passed


def test_a_moving_average_that_is_nan_fails():
    before, after = np.zeros(8, np.float32), np.ones(8, np.float32)
    sample = {"first4_after": [1.0] * 4, "max_change": 1.0}
    names = [f"{layer}/moving_mean" for layer in "abc"]
    entry = {"moving_average_after_one_step": {"count_changed": 3, "sample": dict.fromkeys(names[:2], sample)}}
    case = mock.Mock(weights=dict.fromkeys(names, before), recorded_names=lambda _: {n: n for n in names})

    def passed(**values):
        detector = SimpleNamespace(variables={n: tf.Variable(values.get(n, after)) for n in names})
        checks = [list(golden_case.average_checks(case, detector, entry, bar)) for bar in (1e-3, ANY)]
        strict, any_ = ([check.passed for check in each] for each in checks)
        assert strict == any_
        return strict

    assert passed() == [True, True]
    for name in names:
        for place in (0, 7):
            broken = after.copy()
            broken[place] = np.nan
            assert passed(**{name: broken}) == [True, False], (name, place)


def test_a_resized_patch_that_is_nan_fails(shared, monkeypatch):
    folder = shared / "parity" / "image_resizers"
    right = compare_resizers._patches

    def wrong(resized, shape):
        for name, patch in right(resized, shape):
            yield name, (lambda size: np.full(size, np.nan)) if name == "tr" else patch

    monkeypatch.setattr(compare_resizers, "_patches", wrong)
    failed = [check.name for check in compare.checks(folder) if not check.passed]
    assert failed and all(name.endswith("patches") for name in failed)


def test_a_row_at_the_border_that_is_nan_fails():
    codes = np.arange(16, dtype=np.float32).reshape(4, 1, 4)
    proposals = np.float32([[[0, 0, 5, 5], [1, 1, 9, 10], [0, 0, 8, 8], [1, 1, 2, 2]]])
    logits = np.arange(8, dtype=np.float32).reshape(4, 2)
    recorded = {
        "pred_proposal_boxes": proposals,
        "pred_refined_box_encodings": codes,
        "pred_class_predictions_with_background": logits,
    }

    def passed(row):
        ours = codes.copy()
        ours[row] += np.float32([0, 0, 0, np.nan]) if row is not None else 0
        classified = {"refined_box_encodings": ours, "class_predictions_with_background": logits}
        detector = mock.Mock(classify=lambda *_: {key: tf.constant(value) for key, value in classified.items()})
        predictions = {"image_shape": tf.constant([1, 10, 10, 3])}
        return all(c.passed for c in compare_faster_rcnn._second_stage(detector, predictions, recorded, {}, 1e-4))

    assert passed(None)
    assert not passed(0)
    assert not passed(1)


def test_images_of_different_sizes_are_padded_to_one_batch():
    entry = {"input": {"seeds": [1, 2], "sizes_hw": [[4, 6], [5, 3]]}}
    detector = SimpleNamespace(
        preprocess=lambda image: (tf.cast(image, tf.float32), tf.constant(image.shape)), padding_value=-1.0
    )
    images, shapes = golden_case.Case.batch(detector, entry)
    assert shapes.numpy().tolist() == [[4, 6, 3], [5, 3, 3]]
    np.testing.assert_array_equal(images[0, :4], golden_case.picture(1, 4, 6))
    np.testing.assert_array_equal(images[1, :, :3], golden_case.picture(2, 5, 3))
    assert (images[0, 4:].numpy() == -1).all() and (images[1, :, 3:].numpy() == -1).all()
    stored = {"image_0": np.zeros([4, 6, 3]), "image_1": np.zeros([5, 3, 3]), "image_shapes": np.zeros(2)}
    assert [image.shape for image in golden_case._images(stored)] == [(4, 6, 3), (5, 3, 3)]


def test_a_case_without_losses_says_so(shared, capsys):
    assert compare.main([str(shared / "parity" / "ssd_mobilenet_v1_0.75_coco_trained")]) == 0
    assert "no training was compared" in capsys.readouterr().out
