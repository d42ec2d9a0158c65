"""A new backbone is one module and one row: nothing else knows it."""

import sys
from collections.abc import Callable
from types import ModuleType

import pytest
import tensorflow as tf

from boxwright.catalog.extractors import EXTRACTORS, Level
from boxwright.detector.backbones import mobilenet_v1
from boxwright.detector.build import build
from boxwright.detector.groundtruth import Groundtruth
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution
from boxwright.pipeline import text

TWO_STAGES = """
faster_rcnn {
  num_classes: 2
  image_resizer { fixed_shape_resizer { height: 64 width: 96 } }
  feature_extractor { type: "toy" }
  first_stage_anchor_generator {
    grid_anchor_generator { height: 32 width: 32 scales: [0.5, 1.0] aspect_ratios: [1.0] }
  }
  first_stage_max_proposals: 6
  initial_crop_size: 4
  second_stage_batch_size: 3
  second_stage_box_predictor { mask_rcnn_box_predictor { fc_hyperparams { op: FC } } }
  second_stage_post_processing { score_converter: SOFTMAX }
}
"""
TRUTH = Groundtruth(
    boxes=tf.constant([[[0.1, 0.2, 0.8, 0.7]]]),
    classes=tf.constant([[1]]),
    weights=tf.ones([1, 1]),
    num_boxes=tf.constant([1]),
)


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a backbone "toy" with these functions beside the others, and its row, like that of `type_`, in the table."""

    def added(type_: str, functions: dict[str, Callable], **facts: object) -> None:
        module = ModuleType("boxwright.detector.backbones.toy")
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(EXTRACTORS, "toy", EXTRACTORS[type_]._replace(type="toy", backbone="toy", **facts))

    return added


def test_a_backbone_of_an_ssd(model, add):
    """MobileNet v1 with another rule for its widths."""

    def features(variables, scope, *, conv_hyperparams, depth_multiplier, channels_in):
        settings = mobilenet_v1.settings(conv_hyperparams, keras=False, freeze_batchnorm=False)
        published = [32, *(channels for _, channels in mobilenet_v1.SEPARABLE)]
        widths = [2 * int(channels * depth_multiplier / 2) for channels in published]
        return mobilenet_v1.MobileNetV1(variables, scope, settings, settings, widths, channels_in=channels_in)

    add("ssd_mobilenet_v1", {"features": features}, scope="FeatureExtractor/Toy", arguments={})
    model.ssd.feature_extractor.type = "toy"
    detector = build(model)
    assert detector.variables["FeatureExtractor/Toy/Conv2d_13_pointwise/weights"].shape == (1, 1, 256, 256)
    assert "FeatureExtractor/Toy/Conv2d_13_pointwise_1_Conv2d_2_1x1_64/weights" in detector.variables
    predictions = detector.predict(tf.zeros([1, 64, 64, 3]), training=True)
    assert all(loss > 0 for loss in detector.losses(predictions, TRUTH).values())


class Strided:
    """One convolution with a stride of 16."""

    channels, strides, end_points = {4: 8}, {4: 16}, {4: "conv"}

    def __init__(self, variables, scope, channels_in):
        self.layer = Convolution(variables, f"{scope}/conv", channels_in, 8, Hyperparams(), kernel=16, stride=16)

    def __call__(self, images, training=False):
        return {4: self.layer(images, training)}

    @staticmethod
    def object_graph_keys():
        return {}


class Flat:
    """One convolution on what was cut out."""

    channels = 5

    def __init__(self, variables, scope, channels_in):
        self.layer = Convolution(variables, f"{scope}/conv", channels_in, 5, Hyperparams())

    def __call__(self, regions, training=False):
        return self.layer(regions, training)

    object_graph_keys = Strided.object_graph_keys


def two_stages(add, dialect="tf1", more=""):
    """A Faster R-CNN on a backbone of two layers, with `more` in its message."""
    add(
        "faster_rcnn_resnet50",
        {
            "proposal_features": lambda variables, scope, *, channels_in: Strided(variables, scope, channels_in),
            "box_features": lambda variables, scope, *, channels_in: Flat(variables, scope, channels_in),
        },
        scope="Toy",
        arguments={},
        levels={4: Level(16, 8)},
        box_features=5,
        dialect=dialect,
    )
    message = text.parse(TWO_STAGES, "test", kind="DetectionModel")
    message.MergeFrom(text.parse(f"faster_rcnn {{ {more} }}", "test", kind="DetectionModel"))
    return build(message)


def test_a_backbone_of_a_faster_rcnn(add):
    detector = two_stages(add)
    backbone = [name for name in detector.variables if name.startswith(detector.backbone_scopes)]
    assert backbone == [
        f"{stage}StageFeatureExtractor/Toy/conv/{part}"
        for stage in ("First", "Second")
        for part in ("weights", "biases")
    ]
    images, shapes = detector.preprocess_batch(tf.zeros([1, 50, 70, 3], tf.uint8))
    predictions = detector.predict(images, shapes, training=True, seed=tf.constant([1, 2]))
    assert len(detector.losses(predictions, TRUTH, tf.constant([1, 2]))) == 4
    found = detector.postprocess(detector.predict(images, shapes), shapes)
    assert found["detection_boxes"].shape == (1, 100, 4)


@pytest.mark.parametrize(
    ("dialect", "written", "trains", "bias"),
    [
        ("tf1", "", None, True),
        ("tf1", "batch_norm { train: false }", False, False),
        ("tf1", "batch_norm { center: false }", True, False),
        ("tf2", "", None, True),
        ("tf2", "batch_norm { train: false }", True, False),
        ("tf2", "batch_norm { center: false }", True, True),
        ("tf2", "batch_norm { } force_use_bias: true", True, True),
        ("tf2", "sync_batch_norm { train: false }", True, False),
    ],
)
def test_the_layer_of_the_proposals_is_set_as_its_dialect_has_it(add, dialect, written, trains, bias):
    """In the OD API nothing freezes the batch norm of TF2's, and Keras says which convolutions have a bias."""
    detector = two_stages(add, dialect, f"first_stage_box_predictor_conv_hyperparams {{ {written} }}")
    slide = detector.head.slide
    assert ("Conv/biases" in detector.variables) == (slide.biases is not None) == bias
    assert (slide.normalizer and slide.normalizer.train) == trains
    # Keras computes the synchronised form without the fused kernels.
    assert slide.normalizer is None or slide.normalizer.unbiased == ("sync" not in written)
    assert "FirstStageBoxPredictor/ClassPredictor/biases" in detector.variables


def test_what_a_row_says_of_its_backbone_must_be_taken(model, add):
    add("ssd_mobilenet_v1", {"features": mobilenet_v1.features}, arguments={"depth_multiplyer": 2})
    model.ssd.feature_extractor.type = "toy"
    with pytest.raises(TypeError, match="depth_multiplyer"):
        build(model)
