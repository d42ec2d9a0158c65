"""Regions of interest: cutting out features and sampling proposals, by hand."""

import numpy as np
import tensorflow as tf

from boxwright.detector import roi


def ramp(rows: int, columns: int) -> tf.Tensor:
    """[1, rows, columns, 2]: each cell holds its row and its column."""
    y, x = np.mgrid[:rows, :columns]
    return tf.constant(np.stack([y, x], axis=-1)[None], tf.float32)


def test_samples_lie_on_a_grid_from_border_to_border() -> None:
    boxes = tf.constant([[[0.25, 0.0, 0.75, 0.5]]])
    regions = roi.pool(ramp(5, 9), boxes, roi.Pooling(3, 0, 0))
    np.testing.assert_allclose(regions[0, :, 0, 0], [1, 2, 3], atol=1e-6)
    np.testing.assert_allclose(regions[0, 0, :, 1], [0, 2, 4], atol=1e-6)


def test_max_pooling_follows_without_padding() -> None:
    boxes = tf.constant([[[0.0, 0.0, 1.0, 1.0]]])
    regions = roi.pool(ramp(5, 5), boxes, roi.Pooling(5, 2, 2))
    assert regions.shape == (1, 2, 2, 2)
    np.testing.assert_allclose(regions[0, :, 0, 0], [1, 3], atol=1e-5)
    assert roi.pool(ramp(5, 5), boxes, roi.Pooling(5, 3, 1)).shape == (1, 3, 3, 2)


def test_regions_come_from_their_own_image() -> None:
    features = tf.reshape(tf.constant([1.0, 2.0]), [2, 1, 1, 1]) * tf.ones([2, 4, 4, 1])
    boxes = tf.tile(tf.constant([[[0.0, 0.0, 0.9, 0.9]]]), [2, 3, 1])
    regions = roi.pool(features, boxes, roi.Pooling(2, 2, 2))
    np.testing.assert_array_equal(tf.squeeze(regions), [1, 1, 1, 2, 2, 2])


def test_regions_have_the_type_of_the_features() -> None:
    """A branch of the second stage that only pools is joined to others that compute in that type."""
    features, boxes = tf.cast(ramp(5, 5), tf.bfloat16), tf.constant([[[0.0, 0.0, 1.0, 1.0]]])
    for kernel in (0, 2):
        assert roi.pool(features, boxes, roi.Pooling(4, kernel, 2)).dtype == tf.bfloat16


def test_no_rounding_puts_a_border_beyond_the_feature_map() -> None:
    """The op gives 0 beyond the last cell; features of 1 show it in any of these boxes, which all touch two borders."""
    random = np.random.default_rng(0)
    start = random.random((20000, 2), np.float32)
    boxes = tf.constant(np.concatenate([start, np.ones_like(start)], axis=1)[None])
    for side in (19, 38, 75):
        regions = roi.pool(tf.ones([1, side, side, 1]), boxes, roi.Pooling(14, 0, 0))
        np.testing.assert_allclose(regions, 1.0, atol=1e-6)


def test_a_sample_keeps_its_boxes_in_order_and_pads_with_zeros() -> None:
    boxes = tf.reshape(tf.range(1.0, 25.0), [1, 6, 4])
    candidates = tf.constant([[True, False, True, True, False, True]])
    positives = tf.constant([[False, False, True, False, True, False]])
    drawn, count = roi.sample(boxes, candidates, positives, 5, 0.4, tf.constant([0, 0]))
    assert count.numpy().tolist() == [4]
    np.testing.assert_array_equal(drawn[0, :4], tf.gather(boxes[0], [0, 2, 3, 5]))
    np.testing.assert_array_equal(drawn[0, 4], [0, 0, 0, 0])


def test_a_sample_is_limited_in_size_and_in_positives_and_depends_on_the_seed_alone() -> None:
    boxes = tf.tile(tf.range(1.0, 101.0)[None, :, None], [2, 1, 4])
    positives = tf.tile(tf.range(100)[None] < 50, [2, 1])
    everything = tf.ones([2, 100], tf.bool)
    samples = [roi.sample(boxes, everything, positives, 16, 0.25, tf.constant([7, seed]))[0] for seed in (1, 1, 2)]
    assert samples[0].shape == (2, 16, 4)
    np.testing.assert_array_equal(np.sum(samples[0][..., 0] <= 50, axis=1), [4, 4])
    np.testing.assert_array_equal(samples[0], samples[1])
    assert not np.array_equal(samples[0], samples[2])


def test_fewer_proposals_than_the_sample_has_places() -> None:
    drawn, count = roi.sample(
        tf.ones([1, 3, 4]), tf.ones([1, 3], tf.bool), tf.zeros([1, 3], tf.bool), 8, 0.25, tf.constant([0, 0])
    )
    assert drawn.shape == (1, 8, 4)
    assert count.numpy().tolist() == [3]
    assert float(tf.reduce_sum(drawn)) == 12
