import math

import numpy as np
import pytest
import tensorflow as tf

from boxwright import protos
from boxwright.boxes import anchors, geometry
from boxwright.boxes.anchor_kinds import ssd_kinds
from boxwright.core.errors import UserError


def centers_and_sizes(boxes):
    return np.stack(geometry.centers_and_sizes(boxes), axis=-1)


def ssd(**fields):
    return protos.SsdAnchorGenerator(**fields)


def test_ssd_kinds_interpolate_scales():
    kinds = ssd_kinds(ssd(num_layers=3, min_scale=0.2, max_scale=0.8, aspect_ratios=[1, 2]))
    expected = [
        [(0.1, 1), (0.2, 2), (0.2, 0.5)],
        [(0.5, 1), (0.5, 2), (math.sqrt(0.5 * 0.8), 1)],
        [(0.8, 1), (0.8, 2), (math.sqrt(0.8), 1)],
    ]
    for ours, layer in zip(kinds, expected, strict=True):
        np.testing.assert_allclose(ours, layer, rtol=1e-6)


def test_ssd_kinds_with_every_flag():
    config = ssd(
        num_layers=2,
        scales=[0.3, 0.6],
        aspect_ratios=[3],
        interpolated_scale_aspect_ratio=0.5,
        reduce_boxes_in_lowest_layer=False,
    )
    kinds = ssd_kinds(config)
    np.testing.assert_allclose(kinds[0], [(0.3, 3), (math.sqrt(0.18), 0.5)], rtol=1e-6)
    np.testing.assert_allclose(kinds[1], [(0.6, 3), (math.sqrt(0.6), 0.5)], rtol=1e-6)
    config.interpolated_scale_aspect_ratio = 0
    assert [len(layer) for layer in ssd_kinds(config)] == [1, 1]


def test_ssd_anchors_are_row_major_and_square_in_pixels():
    config = ssd(num_layers=1, min_scale=0.5, aspect_ratios=[1, 4], reduce_boxes_in_lowest_layer=False)
    config.interpolated_scale_aspect_ratio = 0
    boxes = anchors.ssd_anchors(config, [(2, 3)], (100, 200))
    # The shorter side is 100 pixels: scale 0.5 is 50 pixels, half of the height and a quarter of the width.
    rows = [(y, x, h, w) for y in (0.25, 0.75) for x in (1 / 6, 3 / 6, 5 / 6) for h, w in ((0.5, 0.25), (0.25, 0.5))]
    np.testing.assert_allclose(centers_and_sizes(boxes), rows, rtol=1e-6)


def test_ssd_base_strides_and_offsets():
    config = ssd(num_layers=1, min_scale=0.5, aspect_ratios=[1], reduce_boxes_in_lowest_layer=False)
    config.MergeFrom(ssd(interpolated_scale_aspect_ratio=0, base_anchor_height=2, base_anchor_width=0.5))
    config.MergeFrom(ssd(height_stride=[10], width_stride=[20], height_offset=[3], width_offset=[4]))
    boxes = anchors.ssd_anchors(config, [(1, 2)], (100, 100))
    np.testing.assert_allclose(centers_and_sizes(boxes), [(0.03, 0.04, 1, 0.25), (0.03, 0.24, 1, 0.25)], rtol=1e-5)


def test_ssd_offset_defaults_to_half_the_stride():
    config = ssd(num_layers=1, min_scale=0.5, height_stride=[10], width_stride=[20])
    boxes = anchors.ssd_anchors(config, [(1, 1)], (100, 100))
    np.testing.assert_allclose(centers_and_sizes(boxes)[0, :2], (0.05, 0.1), rtol=1e-5)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({"num_layers": 2, "scales": [0.1]}, [(1, 1)] * 2, r"scales is \[0.1\]: num_layers is 2"),
        ({"num_layers": 2, "aspect_ratios": [1]}, [(1, 1)], "1 feature maps"),
        ({"num_layers": 2, "interpolated_scale_aspect_ratio": 0}, [(1, 1)] * 2, "a layer has no anchors"),
        ({"num_layers": 1, "height_stride": [1]}, [(1, 1)], "goes together"),
        (
            {"num_layers": 1, "height_stride": [1, 2], "width_stride": [1, 2]},
            [(1, 1)],
            r"stride is \[1, 2\]: num_layers",
        ),
    ],
)
def test_ssd_mistakes(fields, shapes, message):
    with pytest.raises(UserError, match=message):
        anchors.ssd_anchors(ssd(**fields), shapes, (10, 10))


def test_grid_anchors():
    config = protos.GridAnchorGenerator(
        height=16, width=32, height_stride=8, width_stride=4, height_offset=1, width_offset=2
    )
    config.scales.extend([1, 2])
    config.aspect_ratios.extend([1, 4])
    boxes = anchors.grid_anchors(config, (1, 2))
    sizes = [(16, 32), (32, 64), (8, 64), (16, 128)]
    rows = [(1, x, h, w) for x in (2, 6) for h, w in sizes]
    np.testing.assert_allclose(centers_and_sizes(boxes), rows, rtol=1e-6)


def test_grid_of_a_size_known_at_run_time():
    config = protos.GridAnchorGenerator(scales=[1], aspect_ratios=[1])

    @tf.function(input_signature=[tf.TensorSpec([2], tf.int32)])
    def at_run_time(shape):
        return anchors.grid_anchors(config, (shape[0], shape[1]))

    np.testing.assert_array_equal(at_run_time(tf.constant([3, 5])), anchors.grid_anchors(config, (3, 5)))


def test_multiscale_anchors():
    config = protos.MultiscaleAnchorGenerator(min_level=3, max_level=4, anchor_scale=4, scales_per_octave=2)
    config.aspect_ratios.extend([1, 4])
    config.normalize_coordinates = False
    boxes = centers_and_sizes(anchors.multiscale_anchors(config, [(3, 2), (2, 1)], (24, 16)))
    assert boxes.shape == (32, 4)
    root = math.sqrt(2)
    np.testing.assert_allclose(
        boxes[:4],
        [(4, 4, 32, 32), (4, 4, 32 * root, 32 * root), (4, 4, 16, 64), (4, 4, 16 * root, 64 * root)],
        rtol=1e-6,
    )
    np.testing.assert_allclose(boxes[4, :2], (4, 12))
    # 24 is no multiple of 16, so the centers of level 4 start on the upper border; 16 is one.
    np.testing.assert_allclose(boxes[24], (0, 8, 64, 64))

    config.normalize_coordinates = True
    normalized = centers_and_sizes(anchors.multiscale_anchors(config, [(3, 2), (2, 1)], (24, 16)))
    np.testing.assert_allclose(normalized, boxes / (24, 16, 24, 16), rtol=1e-5)


def test_multiscale_mistake():
    with pytest.raises(UserError, match="levels 3 to 7 are 5"):
        anchors.multiscale_anchors(protos.MultiscaleAnchorGenerator(), [(1, 1)], (8, 8))


def test_by_message():
    grid = protos.AnchorGenerator(grid_anchor_generator={"scales": [1, 2], "aspect_ratios": [1, 2, 3]})
    assert anchors.per_location(grid) == [6]
    assert anchors.generate(grid, [(2, 2)], (32, 32)).shape == [24, 4]
    single = protos.AnchorGenerator(ssd_anchor_generator={"num_layers": 2, "aspect_ratios": [1, 2, 3]})
    assert anchors.per_location(single) == [3, 4]
    assert anchors.generate(single, [(2, 2), (1, 1)], (32, 32)).shape == [16, 4]
    pyramid = protos.AnchorGenerator(multiscale_anchor_generator={"max_level": 4, "aspect_ratios": [1, 2, 0.5]})
    assert anchors.per_location(pyramid) == [6, 6]
    assert anchors.generate(pyramid, [(2, 2), (1, 1)], (16, 16)).shape == [30, 4]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (protos.AnchorGenerator(), "nothing is not supported"),
        (protos.AnchorGenerator(flexible_grid_anchor_generator={}), "flexible_grid_anchor_generator is not supported"),
        (protos.AnchorGenerator(grid_anchor_generator={"scales": [1]}), "aspect_ratios is not set: none is listed"),
    ],
)
def test_mistakes_by_message(config, message):
    with pytest.raises(UserError, match=message):
        anchors.per_location(config)
    with pytest.raises(UserError, match=message):
        anchors.generate(config, [(1, 1)], (8, 8))
