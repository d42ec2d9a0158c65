import numpy as np
import tensorflow as tf

from boxwright.boxes import geometry

UNIT = tf.constant([0.0, 0.0, 1.0, 1.0])


def test_area_and_center_form():
    box = tf.constant([[1.0, 2.0, 4.0, 10.0]])
    assert geometry.area(box).numpy().tolist() == [24]
    parts = geometry.centers_and_sizes(box)
    assert [float(part[0]) for part in parts] == [2.5, 6, 3, 8]
    np.testing.assert_array_equal(geometry.from_centers_and_sizes(*parts), box)


def test_pairwise_overlaps():
    a = tf.constant([[0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 6.0, 6.0]])
    b = tf.constant([[1.0, 1.0, 3.0, 2.0], [0.0, 0.0, 2.0, 2.0], [2.0, 0.0, 3.0, 2.0]])
    np.testing.assert_array_equal(geometry.intersection(a, b), [[1, 4, 0], [0, 0, 0]])
    np.testing.assert_allclose(geometry.iou(a, b), [[1 / 5, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose(geometry.ioa(a, b), [[1 / 2, 1, 0], [0, 0, 0]])


def test_empty_boxes_overlap_nothing():
    empty = tf.zeros([1, 4])
    assert geometry.iou(empty, empty).numpy().tolist() == [[0]]
    assert geometry.ioa(UNIT[None], empty).numpy().tolist() == [[0]]
    assert geometry.matched_giou(empty, empty).numpy().tolist() == [0]


def test_pairs_broadcast_over_a_batch():
    boxes = tf.random.stateless_uniform([2, 3, 4], [1, 2])
    anchors = tf.random.stateless_uniform([5, 4], [3, 4])
    batched = geometry.iou(boxes, anchors)
    assert batched.shape == [2, 3, 5]
    np.testing.assert_array_equal(batched[1], geometry.iou(boxes[1], anchors))


def test_matched_overlaps():
    a = tf.constant([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]])
    b = tf.constant([[1.0, 1.0, 3.0, 3.0], [0.0, 2.0, 1.0, 3.0]])
    np.testing.assert_allclose(geometry.matched_iou(a, b), [1 / 7, 0])
    # Hulls: 3x3 around a union of 7, and 1x3 around a union of 2.
    np.testing.assert_allclose(geometry.matched_giou(a, b), [1 / 7 - 2 / 9, -1 / 3], rtol=1e-6)


def test_squared_distances():
    a = tf.constant([[0.0, 0.0, 1.0, 1.0]])
    b = tf.constant([[0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 3.0, 0.0]])
    assert geometry.squared_distances(a, b).numpy().tolist() == [[0, 6]]
    # 4097^2 is odd and above 2^24: it loses its last bit, and the distance of 1 is gone in the difference.
    far = geometry.squared_distances(tf.constant([[4097.0, 0, 0, 0]]), tf.constant([[4096.0, 0, 0, 0]]))
    assert far.numpy().tolist() == [[0]]


def test_clip_and_change_frame():
    boxes = tf.constant([[[-1.0, 2.0, 5.0, 12.0], [20.0, 20.0, 30.0, 30.0]]])
    window = tf.constant([[0.0, 0.0, 10.0, 10.0]])[:, None]
    clipped = geometry.clip_to_window(boxes, window)
    assert clipped.numpy().tolist() == [[[0, 2, 5, 10], [10, 10, 10, 10]]]
    framed = geometry.change_frame(tf.constant([[2.0, 4.0, 3.0, 8.0]]), tf.constant([1.0, 0.0, 5.0, 8.0]))
    assert framed.numpy().tolist() == [[0.25, 0.5, 0.5, 1]]


def test_scaling_is_undone():
    box = tf.constant([[0.25, 0.5, 0.75, 1.0]])
    pixels = geometry.to_absolute(box, 8, 16)
    assert pixels.numpy().tolist() == [[2, 8, 6, 16]]
    np.testing.assert_array_equal(geometry.to_normalized(pixels, 8, 16), box)
    assert geometry.scale(box, 4, 2).numpy().tolist() == [[1, 1, 3, 2]]


def test_flip():
    assert geometry.flip_horizontally(tf.constant([[0.0, 0.25, 1.0, 0.5]])).numpy().tolist() == [[0, 0.5, 1, 0.75]]
    assert geometry.flip_horizontally(tf.constant([[0.0, 1.0, 9.0, 3.0]]), 10).numpy().tolist() == [[0, 7, 9, 9]]


def test_windows():
    boxes = tf.constant([[0.0, 0.0, 1.0, 1.0], [0.5, 0.5, 1.1, 1.0], [1.0, 0.0, 2.0, 1.0], [-0.1, 0.2, 0.5, 0.5]])
    assert geometry.inside_window(boxes, UNIT).numpy().tolist() == [True, False, False, False]
    assert geometry.overlaps_window(boxes, UNIT).numpy().tolist() == [True, True, False, True]
