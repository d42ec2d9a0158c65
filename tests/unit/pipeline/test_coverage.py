"""The best anchor of every box, found without TensorFlow, against the anchors of the engine themselves."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tests.conftest import ROOT

from boxwright import protos
from boxwright.core.errors import UserError
from boxwright.pipeline import coverage, parts, text
from boxwright.protos import model_of

SSD = """
model { ssd { num_classes: 1
  image_resizer { %s }
  feature_extractor { type: "ssd_mobilenet_v1" num_layers: %d %s }
  anchor_generator { %s } } }
"""
FRCNN = """
model { faster_rcnn { num_classes: 1
  image_resizer { %s }
  feature_extractor { type: "faster_rcnn_resnet50" first_stage_features_stride: %d }
  %s
  first_stage_anchor_generator { grid_anchor_generator {
    scales: [0.25, 0.5, 1.0] aspect_ratios: [0.5, 1.0, 2.0] height_stride: %d width_stride: %d } } } }
"""
FIXED = "fixed_shape_resizer { height: 160 width: 240 }"
KEPT = "keep_aspect_ratio_resizer { min_dimension: 120 max_dimension: 200 }"
PADDED = "keep_aspect_ratio_resizer { min_dimension: 120 max_dimension: 200 pad_to_max_dimension: true }"
SIX = "ssd_anchor_generator { num_layers: 6 min_scale: 0.2 max_scale: 0.95 aspect_ratios: [1, 2, 0.5] }"
STRIDES = """ssd_anchor_generator { num_layers: 2 min_scale: 0.2 max_scale: 0.6 aspect_ratios: [1, 3]
  height_stride: [16, 32] width_stride: [16, 32] height_offset: [8, 16] width_offset: [8, 16] }"""
PYRAMID = """multiscale_anchor_generator { min_level: 4 max_level: 6 anchor_scale: 2 aspect_ratios: [1, 2]
  scales_per_octave: 2 }"""


def config_of(model: str):
    return text_format.Parse(model, protos.TrainEvalPipelineConfig())


def engine_anchors(config, size):
    """All anchors that training knows, in pixels of an input of this size."""
    model, name = model_of(config)
    if name == "ssd":
        multiple = max(model.feature_extractor.pad_to_multiple, 1)
        padded = [side + -side % multiple for side in size]
        maps = [tuple(-(-side // 2 ** (4 + k)) for side in padded) for k in range(model.feature_extractor.num_layers)]
        found = parts.make(model.anchor_generator).generate(maps, size).numpy()
        return found * (*size, *size)
    cells = tuple(-(-side // model.feature_extractor.first_stage_features_stride) for side in size)
    found = parts.make(model.first_stage_anchor_generator).generate([cells], size).numpy()
    limits = np.array([*size, *size], float)
    if model.clip_anchors_to_image:
        return np.clip(found, 0, limits)
    return found[(found[:, :2] >= 0).all(axis=1) & (found[:, 2:] <= limits[2:]).all(axis=1)]


def best_iou(boxes, others):
    low, high = np.maximum(boxes[:, None, :2], others[:, :2]), np.minimum(boxes[:, None, 2:], others[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    area = lambda one: np.prod(one[:, 2:] - one[:, :2], axis=1)  # noqa: E731
    return (shared / (area(boxes)[:, None] + area(others) - shared)).max(axis=1)


@pytest.mark.parametrize(
    "model",
    [
        SSD % (FIXED, 6, "", SIX),
        SSD % (KEPT, 6, "pad_to_multiple: 32", SIX),
        SSD % (PADDED, 2, "", STRIDES),
        SSD % (FIXED, 3, "", PYRAMID),
        FRCNN % (KEPT, 16, "", 16, 16),
        FRCNN % (PADDED, 8, "clip_anchors_to_image: true", 8, 8),
    ],
)
def test_best_iou_is_that_of_all_anchors(model):
    config, random = config_of(model), np.random.default_rng(0)
    images = np.array([(100, 150), (133, 90), (300, 311)])[random.integers(0, 3, 40)]
    corners = np.sort(random.uniform(size=(40, 2, 2)), axis=1)
    boxes = corners.reshape(40, 4)
    fit = coverage.fit(config, boxes, images)
    resizer = parts.make(model_of(config)[0].image_resizer).resize
    for box, image, sides, iou in zip(boxes, images, *fit, strict=True):
        resized, shape = resizer(tf.zeros([*image, 3]))
        scaled, padded = shape.numpy()[:2], resized.shape[:2]
        pixels = box * (*scaled, *scaled)
        assert sides == pytest.approx(pixels[2:] - pixels[:2])
        assert iou == pytest.approx(best_iou(pixels[None], engine_anchors(config, tuple(padded)))[0], abs=1e-5)


@pytest.mark.parametrize(
    "resizer",
    [
        "identity_resizer {}",
        "pad_to_multiple_resizer { multiple: 32 }",
        "conditional_shape_resizer { condition: GREATER size_threshold: 90 }",
        "conditional_shape_resizer { condition: SMALLER size_threshold: 150 }",
        KEPT,
        PADDED,
        FIXED,
    ],
)
@pytest.mark.parametrize("image", [(60, 97), (200, 101), (75, 75)])
def test_input_sizes_are_the_resizers(resizer, image):
    config = config_of(SSD % (resizer, 6, "", SIX))
    layout = coverage.Layout(config)
    resized, shape = parts.make(config.model.ssd.image_resizer).resize(tf.zeros([*image, 3]))
    assert layout.sizes(*image) == (tuple(shape.numpy()[:2]), tuple(resized.shape[:2]))
    assert layout.static_size in (None, tuple(resized.shape[:2]))


@pytest.mark.parametrize("name", ["demo_ssd", "ssd_mobilenet_v1"])
def test_grids_have_as_many_anchors_as_the_detector(name):
    from boxwright.detector.build import build

    config = text.read(ROOT / f"config/pipelines/{name}.config")
    detector = build(config.model)
    pixels, shape = detector.preprocess(tf.zeros([123, 200, 3]))
    predicted = detector.predict(pixels[None], shape[None])
    size = tuple(pixels.shape[:2])
    expected = predicted["anchors"].numpy() * (*size, *size)
    listed = [
        (y - h / 2, x - w / 2, y + h / 2, x + w / 2)
        for grid in coverage.Layout(config).grids(size)
        for y in grid.ys
        for x in grid.xs
        for h, w in grid.sizes
    ]
    np.testing.assert_allclose(listed, expected, atol=1e-3)


def test_a_model_without_anchors_is_an_error():
    config = config_of("model { center_net { num_classes: 1 } }")
    with pytest.raises(UserError, match="center_net"):
        coverage.Layout(config)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            SSD % (FIXED, 2, "", "ssd_anchor_generator { num_layers: 2 scales: 1 }"),
            r"scales is \[1.0\]: num_layers is 2",
        ),
        (
            SSD % (FIXED, 2, "", "ssd_anchor_generator { num_layers: 2 interpolated_scale_aspect_ratio: 0 }"),
            "a layer has no anchors",
        ),
        (SSD % (FIXED, 1, "", "ssd_anchor_generator { num_layers: 1 height_stride: 1 }"), "goes together"),
        (
            SSD % (FIXED, 1, "", "ssd_anchor_generator { num_layers: 1 height_stride: [1, 2] width_stride: [1, 2] }"),
            r"stride is \[1, 2\]: num_layers",
        ),
        (SSD % (FIXED, 1, "", "grid_anchor_generator { scales: 1 }"), "aspect_ratios is not set: none is listed"),
        (SSD % (FIXED, 2, "", ""), "anchor_generator_oneof is not set"),
        (
            SSD % (FIXED, 1, "", "flexible_grid_anchor_generator {}"),
            "anchor_grid is not set: none is listed",
        ),
        (SSD % ("", 6, "", SIX), "image_resizer_oneof is not set"),
        (SSD % ("pad_to_multiple_resizer { multiple: 0 }", 6, "", SIX), "multiple"),
        ((SSD % (FIXED, 6, "", SIX)).replace("mobilenet_v1", "resnet50_v9_fpn"), "feature extractor is not supported"),
    ],
)
def test_a_model_that_contradicts_itself_is_an_error(model, message):
    with pytest.raises(UserError, match=message):
        coverage.Layout(config_of(model))


def test_an_anchor_generator_for_other_feature_maps_is_an_error():
    config = config_of(FRCNN % (FIXED, 16, "", 16, 16))
    config.model.faster_rcnn.first_stage_anchor_generator.ssd_anchor_generator.num_layers = 6
    with pytest.raises(UserError, match="num_layers is 6, but the network has 1 feature map"):
        coverage.Layout(config).grids((64, 64))
    assert coverage.anchorless(config, np.array([(64, 64)])) is None


def test_it_is_known_without_tensorflow():
    fit = "coverage.fit(text.read(sys.argv[1]), [[0.1, 0.1, 0.5, 0.5]], [[200, 300]])"
    code = f"import sys\nfrom boxwright.pipeline import coverage, text\n{fit}\nassert 'tensorflow' not in sys.modules"
    for name in ("demo_ssd", "faster_rcnn_resnet50"):
        subprocess.run([sys.executable, "-c", code, ROOT / f"config/pipelines/{name}.config"], check=True)


def test_no_boxes_is_an_empty_answer():
    fit = coverage.fit(config_of(SSD % (FIXED, 6, "", SIX)), np.zeros((0, 4)), np.zeros((0, 2)))
    assert fit.sides.shape == (0, 2) and fit.iou.shape == (0,)


def test_share_of_the_boxes_that_some_anchor_meets():
    config = config_of(SSD % (FIXED, 6, "", SIX))
    boxes, images = np.array([[0.2, 0.2, 0.6, 0.6], [0.5, 0.5, 0.52, 0.52]]), np.full((2, 2), (160, 240))
    assert coverage.share(config, boxes, images) == 0.5
    assert coverage.share(config, boxes[:0], images[:0]) is None
    assert coverage.share(text.parse("model { center_net { num_classes: 1 } }"), boxes, images) is None


def test_images_without_an_anchor_to_train_on():
    """The anchors of the engine within the image, counted."""
    for resizer, images in [("identity_resizer {}", [(300, 400), (64, 64), (40, 900), (63, 200)]), (FIXED, [(9, 9)])]:
        config = config_of(FRCNN % (resizer, 16, "number_of_stages: 1", 16, 16))
        generator = parts.make(config.model.faster_rcnn.first_stage_anchor_generator)
        none_in = None
        for image in sorted(images):
            _, size = coverage.Layout(config).sizes(*image)
            boxes = generator.generate([[-(-side // 16) for side in size]], size).numpy()
            inside = ((boxes[:, :2] >= 0) & (boxes[:, 2:] <= size)).all(axis=1).any()
            none_in = none_in or (None if inside else size)
        assert coverage.anchorless(config, np.array(images)) == none_in
        config.model.faster_rcnn.clip_anchors_to_image = True
        assert coverage.anchorless(config, np.array(images)) is None
    assert coverage.anchorless(config_of(SSD % (FIXED, 6, "", SIX)), np.array([(9, 9)])) is None
