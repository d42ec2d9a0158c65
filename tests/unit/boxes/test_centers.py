"""Boxes as points: targets of the maps, and boxes from the maps."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.boxes import centers
from boxwright.boxes.losses.penalty_reduced_logistic_focal_loss import penalty_reduced_focal

SIZE = (6, 8)


def targets(boxes, classes, weights=None, num_classes=3, min_overlap=0.7, size=SIZE):
    """Targets of one image with boxes in cells."""
    weights = np.ones(len(boxes)) if weights is None else weights
    return centers.targets(
        tf.constant(np.reshape(boxes, (1, len(boxes), 4)), tf.float32),
        tf.constant([classes], tf.int32),
        tf.constant([weights], tf.float32),
        tf.constant([len(boxes)]),
        size=size,
        num_classes=num_classes,
        min_overlap=min_overlap,
    )


def test_the_cell_the_size_and_the_offset_of_a_box():
    found = targets([(1.0, 2.0, 4.5, 4.5)], [1])
    assert found.cells.numpy().tolist() == [[[2, 3]]]
    np.testing.assert_allclose(found.sizes, [[[3.5, 2.5]]])
    np.testing.assert_allclose(found.offsets, [[[0.75, 0.25]]])
    assert found.weights.numpy().tolist() == [[1.0]]


def test_a_heat_map_is_1_at_the_centre_and_falls_off_as_a_bell():
    found = targets([(0.0, 0.0, 6.0, 6.0)], [2]).heatmap.numpy()[0]
    assert found.shape == (*SIZE, 3) and found[3, 3, 2] == 1.0 and (found[..., :2] == 0).all()
    (reach,) = centers.radius(tf.constant([[6.0, 6.0]]), 0.7).numpy()
    deviation = (2 * np.floor(reach) + 1) / 6
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    bell = np.exp(-((rows - 3) ** 2 + (columns - 3) ** 2) / (2 * deviation**2))
    np.testing.assert_allclose(found[..., 2], bell, atol=1e-6)


def test_of_boxes_of_a_class_the_highest_bell_counts_and_weights_lower_it():
    boxes, classes = [(0.0, 0.0, 2.0, 2.0), (0.0, 1.0, 2.0, 3.0), (2.0, 4.0, 6.0, 8.0)], [0, 0, 1]
    whole = [targets([box], [label]).heatmap.numpy()[0] for box, label in zip(boxes, classes, strict=True)]
    found = targets(boxes, classes, [1.0, 0.5, 0.0]).heatmap.numpy()[0]
    np.testing.assert_allclose(found[..., 0], np.maximum(whole[0], 0.5 * whole[1])[..., 0], atol=1e-7)
    assert (found[..., 1:] == 0).all() and found[1, 1, 0] == 1.0


def test_images_with_other_numbers_of_boxes_are_apart():
    box = (0.0, 0.0, 2.0, 2.0)
    found = centers.targets(
        tf.constant([[box, (9.0, 9.0, 9.0, 9.0)], [box, (2.0, 4.0, 6.0, 8.0)]]),
        tf.constant([[0, 2], [1, 0]]),
        tf.ones([2, 2]),
        tf.constant([0, 2]),
        size=SIZE,
        num_classes=3,
        min_overlap=0.7,
    )
    assert (found.heatmap.numpy()[0] == 0).all() and (found.weights.numpy()[0] == 0).all()
    assert found.heatmap.numpy()[1].max(axis=(0, 1)).tolist() == [1.0, 1.0, 0.0]


def test_a_centre_on_the_border_stays_on_the_map():
    found = targets([(6.0, 8.0, 6.0, 8.0), (5.9, 7.9, 6.0, 8.0)], [0, 1])
    assert found.cells.numpy()[0].tolist() == [[5, 7], [5, 7]]


def test_without_any_box_nothing_is_asked_for():
    found = targets(np.zeros((0, 4)), [])
    assert found.heatmap.shape == (1, *SIZE, 3) and not found.heatmap.numpy().any()
    assert not found.weights.numpy().any()


@pytest.mark.parametrize("size", [(10.0, 20.0), (3.0, 3.0)])
def test_the_radius_grows_as_less_overlap_is_asked_for(size):
    reach = [float(centers.radius(tf.constant(size), overlap)) for overlap in (0.9, 0.7, 0.5, 0.3)]
    assert reach == sorted(reach) and reach[0] > 0
    # The case of a larger box around the true one decides: m ((h + 2r)(w + 2r)) = h w, of which this is the root 4 m r.
    root = reach[1] / (4 * 0.7)
    assert 0.7 * (size[0] + 2 * root) * (size[1] + 2 * root) == pytest.approx(size[0] * size[1], rel=1e-5)


def test_peaks_are_the_highest_of_their_neighbourhood():
    heatmap = np.zeros((1, *SIZE, 2), np.float32)
    heatmap[0, 1, 1, 0], heatmap[0, 1, 2, 0], heatmap[0, 1, 2, 1], heatmap[0, 5, 7, 1] = 0.9, 0.8, 0.7, 0.95
    found = centers.peaks(tf.constant(heatmap), most=5, neighbourhood=3)
    np.testing.assert_allclose(found.scores, [[0.95, 0.9, 0.7, 0, 0]])
    assert found.cells.numpy()[0, :3].tolist() == [[5, 7], [1, 1], [1, 2]]
    assert found.classes.numpy()[0].tolist() == [1, 0, 1, 0, 0]
    every = centers.peaks(tf.constant(heatmap), most=5, neighbourhood=1)
    np.testing.assert_allclose(every.scores, [[0.95, 0.9, 0.8, 0.7, 0]])


def test_equal_peaks_come_in_the_order_of_the_map_and_a_small_map_gives_fewer():
    heatmap = tf.fill([1, 2, 2, 2], 0.5)
    found = centers.peaks(heatmap, most=10, neighbourhood=3)
    assert found.scores.numpy().tolist() == [[0.5] * 8 + [0.0] * 2]
    assert found.cells.numpy()[0, :3].tolist() == [[0, 0], [0, 0], [0, 1]]
    assert found.classes.numpy()[0, :3].tolist() == [0, 1, 0]


def test_boxes_come_back_from_their_targets():
    boxes = [(1.0, 2.0, 4.5, 4.5), (0.5, 3.0, 5.0, 8.0)]
    wanted = targets(boxes, [0, 1])
    maps = np.zeros((2, 1, *SIZE, 2), np.float32)
    for index, (y, x) in enumerate(wanted.cells.numpy()[0]):
        maps[:, 0, y, x] = wanted.sizes[0, index], wanted.offsets[0, index]
    read = [centers.at(tf.constant(each), wanted.cells) for each in maps]
    found = centers.boxes_at(wanted.cells, *read, tf.constant([6.0, 8.0]))
    np.testing.assert_allclose(found[0], boxes, atol=1e-6)


def test_boxes_are_clipped_to_the_map_and_negative_sizes_are_none():
    cells = tf.constant([[[0, 7], [3, 3]]])
    sizes, offsets = tf.constant([[[4.0, 4.0], [-1.0, 2.0]]]), tf.constant([[[0.5, 0.5], [0.0, 0.0]]])
    found = centers.boxes_at(cells, sizes, offsets, tf.constant([6.0, 8.0]))
    np.testing.assert_allclose(found[0], [(0, 5.5, 2.5, 8), (3, 2, 3, 4)])


def test_the_loss_of_heat_maps():
    logits = tf.constant([[[0.0, 1.0, -20.0]]])
    wanted, weights = tf.constant([[[1.0, 0.5, 1.0]]]), tf.constant([[3.0]])
    p = 1 / (1 + np.exp(-1.0))
    expected = [0.25 * np.log(2), 0.5**4 * p**2 * -np.log(1 - p), (1 - 1e-4) ** 2 * -np.log(1e-4)]
    np.testing.assert_allclose(penalty_reduced_focal(logits, wanted, weights)[0, 0], 3 * np.array(expected), rtol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = penalty_reduced_focal(logits, wanted, weights)
    gradient = tape.gradient(loss, logits).numpy()[0, 0]
    assert gradient[0] < 0 < gradient[1] and gradient[2] == 0
