"""The R-FCN box predictor, against its definition written out."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.boxes.geometry import to_absolute
from boxwright.checkpoints.class_rows import ClassColumns
from boxwright.detector.build import network
from boxwright.detector.heads import rfcn
from boxwright.detector.layers import Variables
from boxwright.pipeline import text


def build(written: str = "", classes: int = 2):
    """A head on three channels."""
    message = text.parse(f"depth: 4 {written}", "test", kind="RfcnBoxPredictor")
    variables = Variables()
    head = network.call(rfcn.make, variables, "Second", 3, classes, offered=network.fields(message))
    return head, variables


def interpolated(plane: np.ndarray, y: float, x: float) -> float:
    """The bilinear value of [h, w] at a place in cells."""
    top, left = (min(int(place), side - 2) for place, side in zip((y, x), plane.shape, strict=True))
    y, x = y - top, x - left
    rows = plane[top : top + 2, left] * (1 - x) + plane[top : top + 2, left + 1] * x
    return float(rows[0] * (1 - y) + rows[1] * y)


@pytest.mark.parametrize(("bins", "samples"), [((2, 3), (4, 9)), ((1, 1), (2, 2)), ((3, 2), (3, 4))])
def test_every_bin_reads_its_own_channels(bins, samples):
    random = np.random.default_rng(0)
    maps = random.standard_normal((2, 7, 9, bins[0] * bins[1] * 2)).astype(np.float32)
    corners = np.sort(random.uniform(0.05, 0.95, (2, 3, 2, 2)), axis=2).reshape(2, 3, 4).astype(np.float32)
    found = rfcn.position_sensitive_means(tf.constant(maps), tf.constant(corners), bins, samples)
    assert found.shape == (6, 2)
    per_bin = [count // parts for count, parts in zip(samples, bins, strict=True)]
    for row, (image, box) in enumerate((image, box) for image in range(2) for box in range(3)):
        ymin, xmin, ymax, xmax = to_absolute(tf.constant(corners[image, box]), 6, 8).numpy()
        for channel in range(2):
            values = []
            for by in range(bins[0]):
                for bx in range(bins[1]):
                    plane = maps[image, ..., (by * bins[1] + bx) * 2 + channel]
                    low, high = (ymin + (ymax - ymin) * (by + end) / bins[0] for end in (0, 1))
                    left, right = (xmin + (xmax - xmin) * (bx + end) / bins[1] for end in (0, 1))
                    ys = np.linspace(low, high, per_bin[0]) if per_bin[0] > 1 else [(low + high) / 2]
                    xs = np.linspace(left, right, per_bin[1]) if per_bin[1] > 1 else [(left + right) / 2]
                    values += [interpolated(plane, y, x) for y in ys for x in xs]
            assert float(found[row, channel]) == pytest.approx(np.mean(values), abs=1e-4)


def test_no_rounding_puts_a_bin_beyond_the_map():
    """The op gives 0 beyond the last cell; maps of 1 show it in any of these boxes, which all touch two borders."""
    start = np.random.default_rng(0).random((5000, 2), np.float32)
    boxes = tf.constant(np.concatenate([start, np.ones_like(start)], axis=1)[None])
    for side in (19, 38):
        found = rfcn.position_sensitive_means(tf.ones([1, side, side, 9]), boxes, (3, 3), (12, 12))
        np.testing.assert_allclose(found, 1.0, atol=1e-6)


def test_what_it_predicts_and_what_its_layers_are():
    head, variables = build("num_spatial_bins_height: 2 num_spatial_bins_width: 3")
    shapes = {name: tuple(variable.shape) for name, variable in variables.by_name.items()}
    assert shapes == {
        "Second/reduce_depth/weights": (1, 1, 3, 4),
        "Second/reduce_depth/biases": (4,),
        "Second/refined_locations/weights": (1, 1, 4, 2 * 3 * 2 * 4),
        "Second/refined_locations/biases": (48,),
        "Second/class_predictions/weights": (1, 1, 4, 2 * 3 * 3),
        "Second/class_predictions/biases": (18,),
    }
    features = tf.random.stateless_normal([2, 6, 8, 3], [0, 0])
    boxes = tf.constant(np.tile(np.float32([[[0.1, 0.2, 0.7, 0.9], [0, 0, 0, 0]]]), (2, 1, 1)))
    encodings, logits = head(features, boxes)
    assert encodings.shape == (4, 2, 4) and logits.shape == (4, 3)
    # Rows go image by image, and one image decides nothing of another.
    alone = head(features[1:], boxes[1:])
    np.testing.assert_allclose(encodings[2:], alone[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logits[2:], alone[1], rtol=1e-5, atol=1e-6)


def test_the_columns_of_a_class_are_those_that_decide_it():
    """Without the columns of class 1 (of 2) in all bins, its logit and box are 0, and nothing else has changed."""
    head, variables = build()
    features = tf.random.stateless_normal([1, 6, 8, 3], [0, 0])
    boxes = tf.constant([[[0.1, 0.2, 0.7, 0.9]]])
    before = [values.numpy() for values in head(features, boxes)]
    for name, columns in head.class_columns().items():
        variable = variables.by_name[name]
        slots = 2 + columns.background
        values = variable.numpy().reshape(*variable.shape[:-1], -1, slots, columns.each)
        values[..., 1 + columns.background, :] = 0
        variable.assign(values.reshape(variable.shape))
    after = [values.numpy() for values in head(features, boxes)]
    assert (after[0][:, 1] == 0).all() and (after[1][:, 2] == 0).all()
    np.testing.assert_array_equal(after[0][:, 0], before[0][:, 0])
    np.testing.assert_array_equal(after[1][:, :2], before[1][:, :2])
    assert (before[0] != 0).all() and ClassColumns(False, 4) in head.class_columns().values()
