import math

import numpy as np
import pytest
import tensorflow as tf

from boxwright import protos
from boxwright.boxes import geometry
from boxwright.core.errors import UserError
from boxwright.pipeline import parts


def centers_and_sizes(boxes):
    return np.stack(geometry.centers_and_sizes(boxes), axis=-1)


def ssd(**fields):
    return parts.make(protos.AnchorGenerator(ssd_anchor_generator=fields))


def grid(**fields):
    return parts.make(protos.AnchorGenerator(grid_anchor_generator=fields))


def pyramid(**fields):
    return parts.make(protos.AnchorGenerator(multiscale_anchor_generator=fields))


def test_ssd_kinds_interpolate_scales():
    kinds = ssd(num_layers=3, min_scale=0.2, max_scale=0.8, aspect_ratios=[1, 2]).kinds
    expected = [
        [(0.1, 1), (0.2, 2), (0.2, 0.5)],
        [(0.5, 1), (0.5, 2), (math.sqrt(0.5 * 0.8), 1)],
        [(0.8, 1), (0.8, 2), (math.sqrt(0.8), 1)],
    ]
    for ours, layer in zip(kinds, expected, strict=True):
        np.testing.assert_allclose(ours, layer, rtol=1e-6)


def test_ssd_kinds_with_every_flag():
    fields = {"num_layers": 2, "scales": [0.3, 0.6], "aspect_ratios": [3], "reduce_boxes_in_lowest_layer": False}
    kinds = ssd(interpolated_scale_aspect_ratio=0.5, **fields).kinds
    np.testing.assert_allclose(kinds[0], [(0.3, 3), (math.sqrt(0.18), 0.5)], rtol=1e-6)
    np.testing.assert_allclose(kinds[1], [(0.6, 3), (math.sqrt(0.6), 0.5)], rtol=1e-6)
    assert ssd(interpolated_scale_aspect_ratio=0, **fields).per_location == [1, 1]


def test_ssd_anchors_are_row_major_and_square_in_pixels():
    fields = {"num_layers": 1, "min_scale": 0.5, "aspect_ratios": [1, 4], "interpolated_scale_aspect_ratio": 0}
    boxes = ssd(reduce_boxes_in_lowest_layer=False, **fields).generate([(2, 3)], (100, 200))
    # The shorter side is 100 pixels: scale 0.5 is 50 pixels, half of the height and a quarter of the width.
    rows = [(y, x, h, w) for y in (0.25, 0.75) for x in (1 / 6, 3 / 6, 5 / 6) for h, w in ((0.5, 0.25), (0.25, 0.5))]
    np.testing.assert_allclose(centers_and_sizes(boxes), rows, rtol=1e-6)


def test_ssd_base_strides_and_offsets():
    generator = ssd(
        num_layers=1,
        min_scale=0.5,
        aspect_ratios=[1],
        reduce_boxes_in_lowest_layer=False,
        interpolated_scale_aspect_ratio=0,
        base_anchor_height=2,
        base_anchor_width=0.5,
        height_stride=[10],
        width_stride=[20],
        height_offset=[3],
        width_offset=[4],
    )
    boxes = generator.generate([(1, 2)], (100, 100))
    np.testing.assert_allclose(centers_and_sizes(boxes), [(0.03, 0.04, 1, 0.25), (0.03, 0.24, 1, 0.25)], rtol=1e-5)


def test_ssd_offset_defaults_to_half_the_stride():
    generator = ssd(num_layers=1, min_scale=0.5, height_stride=[10], width_stride=[20])
    boxes = generator.generate([(1, 1)], (100, 100))
    np.testing.assert_allclose(centers_and_sizes(boxes)[0, :2], (0.05, 0.1), rtol=1e-5)


def test_grid_anchors():
    generator = grid(
        height=16,
        width=32,
        height_stride=8,
        width_stride=4,
        height_offset=1,
        width_offset=2,
        scales=[1, 2],
        aspect_ratios=[1, 4],
    )
    boxes = generator.generate([(1, 2)], (32, 32))
    sizes = [(16, 32), (32, 64), (8, 64), (16, 128)]
    rows = [(1, x, h, w) for x in (2, 6) for h, w in sizes]
    np.testing.assert_allclose(centers_and_sizes(boxes), rows, rtol=1e-6)


def test_grid_of_a_size_known_at_run_time():
    generator = grid(scales=[1], aspect_ratios=[1])

    @tf.function(input_signature=[tf.TensorSpec([2], tf.int32)])
    def at_run_time(shape):
        return generator.generate([(shape[0], shape[1])], (shape[0], shape[1]))

    np.testing.assert_array_equal(at_run_time(tf.constant([3, 5])), generator.generate([(3, 5)], (3, 5)))


def test_a_pyramid_on_images_of_a_size_known_at_run_time():
    """All first centers lie half a stride from the border, and on it if only one side is unknown."""
    fields = {"min_level": 3, "max_level": 4, "anchor_scale": 4, "scales_per_octave": 1, "aspect_ratios": [1]}
    generator = pyramid(normalize_coordinates=False, **fields)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def first_of_level_4(image):
        height, width = tf.shape(image)[0], tf.shape(image)[1]
        both = generator.generate([(3, 2), (2, 1)], (height, width))
        one = generator.generate([(3, 2), (2, 1)], (height, 16))
        return both[6], one[6]

    both, one = first_of_level_4(tf.zeros([24, 16], tf.int32))
    np.testing.assert_allclose(centers_and_sizes(both[None])[0, :2], (8, 8))
    np.testing.assert_allclose(centers_and_sizes(one[None])[0, :2], (0, 0))


def test_flexible_grid_anchors():
    """Sizes and aspect ratios go together, one of each for an anchor."""
    grids = [
        {"base_sizes": [10, 20], "aspect_ratios": [1, 4], "height_stride": 8, "width_stride": 4, "width_offset": 2},
        {"base_sizes": [40], "aspect_ratios": [0.25], "height_stride": 16, "width_stride": 16, "height_offset": 3},
    ]
    rows = [(0, 2, 10, 10), (0, 2, 10, 40), (0, 6, 10, 10), (0, 6, 10, 40), (3, 0, 80, 20)]
    shapes, image = [(1, 2), (1, 1)], (32, 64)

    def flexible(**fields):
        message = protos.FlexibleGridAnchorGenerator(anchor_grid=grids, **fields)
        return parts.make(protos.AnchorGenerator(flexible_grid_anchor_generator=message))

    generator = flexible(normalize_coordinates=False)
    assert generator.per_location == [2, 1]
    np.testing.assert_allclose(centers_and_sizes(generator.generate(shapes, image)), rows, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        centers_and_sizes(flexible().generate(shapes, image)), np.divide(rows, (32, 64, 32, 64)), rtol=1e-6, atol=1e-6
    )
    first, second = generator.grids(shapes, image)
    np.testing.assert_allclose(first.sizes, [(10, 10), (10, 40)])
    assert (first.ys.tolist(), first.xs.tolist(), second.ys.tolist()) == ([0], [2, 6], [3])
    with pytest.raises(UserError, match="has 2 entries"):
        generator.generate(shapes[:1], image)


def test_multiscale_anchors():
    fields = {"min_level": 3, "max_level": 4, "anchor_scale": 4, "scales_per_octave": 2, "aspect_ratios": [1, 4]}
    shapes, image = [(3, 2), (2, 1)], (24, 16)
    boxes = centers_and_sizes(pyramid(normalize_coordinates=False, **fields).generate(shapes, image))
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

    normalized = centers_and_sizes(pyramid(normalize_coordinates=True, **fields).generate(shapes, image))
    np.testing.assert_allclose(normalized, boxes / (24, 16, 24, 16), rtol=1e-5)


@pytest.mark.parametrize(
    ("generator", "shapes", "per_location", "count"),
    [
        (grid(scales=[1, 2], aspect_ratios=[1, 2, 3]), [(2, 2)], [6], 24),
        (ssd(num_layers=2, aspect_ratios=[1, 2, 3]), [(2, 2), (1, 1)], [3, 4], 16),
        (pyramid(max_level=4, aspect_ratios=[1, 2, 0.5]), [(2, 2), (1, 1)], [6, 6], 30),
    ],
)
def test_per_location(generator, shapes, per_location, count):
    assert generator.per_location == per_location
    assert generator.generate(shapes, (16, 16)).shape == [count, 4]


@pytest.mark.parametrize(
    ("generator", "shapes", "message"),
    [
        (ssd(num_layers=2, aspect_ratios=[1]), [(1, 1)], "num_layers is 2, but the network has 1 feature map"),
        (pyramid(), [(1, 1)], "levels 3 to 7 need 5 feature maps, but the network has 1 feature map"),
        (grid(scales=[1], aspect_ratios=[1]), [(1, 1)] * 2, "one feature map, but the network has 2 feature maps"),
    ],
)
def test_another_number_of_feature_maps(generator, shapes, message):
    for method in (generator.generate, generator.grids):
        with pytest.raises(UserError, match=message):
            method(shapes, (8, 8))


@pytest.mark.parametrize(
    ("generator", "shapes", "normalized"),
    [
        (ssd(num_layers=2, aspect_ratios=[1, 2]), [(3, 4), (2, 2)], True),
        (
            ssd(
                num_layers=2,
                scales=[0.2, 0.5],
                aspect_ratios=[1, 3],
                height_stride=[16, 32],
                width_stride=[8, 16],
                height_offset=[8, 16],
                width_offset=[4, 9],
                base_anchor_height=0.5,
            ),
            [(3, 4), (2, 2)],
            True,
        ),
        (grid(scales=[0.5, 1], aspect_ratios=[1, 2], height_stride=8, width_offset=3), [(3, 4)], False),
        (pyramid(min_level=4, max_level=5, aspect_ratios=[1, 2]), [(3, 4), (2, 2)], True),
        (pyramid(min_level=4, max_level=5, aspect_ratios=[1], normalize_coordinates=False), [(3, 4), (2, 2)], False),
    ],
)
def test_grids_are_where_the_boxes_are(generator, shapes, normalized):
    image = (48, 60)
    boxes = generator.generate(shapes, image).numpy() * ((*image, *image) if normalized else 1)
    listed = [
        (y - h / 2, x - w / 2, y + h / 2, x + w / 2)
        for one in generator.grids(shapes, image)
        for y in one.ys
        for x in one.xs
        for h, w in one.sizes
    ]
    np.testing.assert_allclose(listed, boxes, atol=1e-4)
