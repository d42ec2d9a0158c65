"""Numbers that a configuration cannot have are told before a run, with one that it can."""

import math

import pytest
from tests.unit.catalog.test_engine import BUILDABLE

from boxwright import protos
from boxwright.catalog import limits
from boxwright.catalog.ranges import BOUNDS, Range
from boxwright.catalog.relations import RELATIONS
from boxwright.core.errors import UserError
from boxwright.pipeline import text
from boxwright.pipeline.lint import lint
from boxwright.pipeline.overrides import apply


def descriptors(descriptor, found=None):
    """Every message below the root, by name."""
    found = {} if found is None else found
    if descriptor.name not in found:
        found[descriptor.name] = descriptor
        for field in descriptor.fields:
            if field.message_type:
                descriptors(field.message_type, found)
    return found


KNOWN = descriptors(protos.message("TrainEvalPipelineConfig").DESCRIPTOR)


def new(kind):
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(KNOWN[kind])()


def told(message):
    return {field: (value, why, use) for field, value, why, use in limits.broken(message)}


def test_the_tables_name_what_there_is():
    for kind, bounds in BOUNDS.items():
        for name, bound in bounds.items():
            field = KNOWN[kind].fields_by_name[name]
            assert field.cpp_type in limits._NUMBERS and isinstance(bound, Range)
    for kind, relations in RELATIONS.items():
        for fields, _ in relations:
            assert set(fields) <= set(KNOWN[kind].fields_by_name)


@pytest.mark.parametrize(
    ("bound", "words", "inside", "outside"),
    [
        (Range(), "a finite number", [-1e30, 0], [math.inf, -math.inf, math.nan]),
        (Range(0, above=True), "above 0", [1e-9, 1e30], [0, -1, math.inf, math.nan]),
        (Range(0), "0 or more", [0, 7], [-1e-9, math.nan]),
        (Range(1, 10**5), "1 to 100,000", [1, 10**5], [0, 10**5 + 1]),
        (Range(0, 1, above=True), "above 0 and at most 1", [0.1, 1], [0, 1.1]),
        (Range(0, 1, below=True), "at least 0 and below 1", [0, 0.9], [1, -0.1]),
        (Range(-(2**31), 100), "at most 100", [-5, 100], [101]),
        (Range(0, 0), "0", [0], [1, -1]),
    ],
)
def test_ranges_and_their_words(bound, words, inside, outside):
    assert str(bound) == words
    assert all(value in bound for value in inside) and not any(value in bound for value in outside)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, bounds in BOUNDS.items() for name in bounds])
def test_each_end_of_each_range_is_held_and_the_advice_is_within(kind, name):
    bound, field = BOUNDS[kind][name], KNOWN[kind].fields_by_name[name]
    whole = field.cpp_type not in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE)
    step = 1 if whole else 1e-3
    beyond = [bound.least - step, bound.most + step] + ([bound.least] if bound.above else [])
    beyond += [] if whole else [math.inf, math.nan]
    low, high = (0, 2**32 - 1) if field.cpp_type == field.CPPTYPE_UINT32 else (-(2**31), 2**31 - 1)
    tried = 0
    for value in beyond:
        if (whole and not low <= value <= high) or value in bound:
            continue
        message = new(kind)
        for switch in ("use_dropout", "use_moving_average", "warmup_steps", "maxpool_kernel_size"):
            if switch in KNOWN[kind].fields_by_name and switch != name:
                setattr(message, switch, 1)
        if field.is_repeated:
            getattr(message, name).append(value)
        else:
            setattr(message, name, value)
        if field.is_repeated or not math.isclose(getattr(message, name), bound.most, rel_tol=1e-6):
            seen, why, use = told(message)[f"{name}.0" if field.is_repeated else name]
            assert why == f"it must be {bound}" and (use is None or use in bound)
            assert seen == pytest.approx(value, rel=1e-6, nan_ok=True)
            tried += 1
    assert tried or bound == Range(-math.inf, math.inf)


ORDERED = "it must not be above "


@pytest.mark.parametrize(
    ("kind", "fields", "field", "why", "use"),
    [
        ("ConvolutionalBoxPredictor", "use_depthwise: true", "kernel_size", "no neighbours", 3),
        ("BoxEncodingsClipRange", "min: 1 max: -1", "min", ORDERED, -1),
        (
            "Ssd",
            "num_classes: 1 add_background_class: false similarity_calculator { thresholded_iou_similarity { } }",
            "add_background_class",
            "takes the first class",
            True,
        ),
        (
            "Ssd",
            'num_classes: 1 feature_extractor { type: "ssd_mobilenet_v2_keras" } '
            "box_predictor { convolutional_box_predictor { min_depth: 5 max_depth: 4 } }",
            "box_predictor.convolutional_box_predictor.min_depth",
            "max_depth, which is 4",
            4,
        ),
        (
            "Loss",
            "classification_loss { weighted_sigmoid_focal { } } hard_example_miner { }",
            "hard_example_miner",
            "weighted_sigmoid_focal",
            None,
        ),
        ("SsdFeatureExtractor", "depth_multiplier: 0.01 min_depth: 0", "min_depth", "no channels", 8),
        ("SsdAnchorGenerator", "scales: [0.1, 0.2]", "scales", "num_layers is 6", None),
        ("SsdAnchorGenerator", "min_scale: 0.9 max_scale: 0.3", "min_scale", "max_scale, which is 0.3", 0.3),
        ("SsdAnchorGenerator", "height_stride: [1, 2]", "height_stride", "one per layer", None),
        ("SsdAnchorGenerator", "num_layers: 1 width_offset: 2", "height_offset", "give both or none", [2]),
        ("SsdAnchorGenerator", "interpolated_scale_aspect_ratio: 0", "aspect_ratios", "no anchors", [1.0]),
        ("GridAnchorGenerator", "scales: 1", "aspect_ratios", "none is listed", [1.0]),
        ("GridAnchorGenerator", "aspect_ratios: 1", "scales", "none is listed", [1.0]),
        ("MultiscaleAnchorGenerator", "aspect_ratios: 1 min_level: 9", "min_level", "max_level, which is 7", 7),
        ("ArgMaxMatcher", "unmatched_threshold: 0.7", "unmatched_threshold", "which is 0.5", 0.5),
        (
            "ArgMaxMatcher",
            "negatives_lower_than_unmatched: false",
            "negatives_lower_than_unmatched",
            "both 0.5",
            True,
        ),
        (
            "ArgMaxMatcher",
            "negatives_lower_than_unmatched: false ignore_thresholds: true unmatched_threshold: 0.2",
            "negatives_lower_than_unmatched",
            "ignored",
            True,
        ),
        (
            "BatchNonMaxSuppression",
            "max_detections_per_class: 200",
            "max_detections_per_class",
            "max_total_detections, which is 100",
            100,
        ),
        ("BatchNonMaxSuppression", "soft_nms_sigma: 1 use_hard_nms: true", "use_hard_nms", "soft_nms_sigma", False),
        ("BatchNonMaxSuppression", "use_combined_nms: true", "use_combined_nms", "clips", False),
        ("KeepAspectRatioResizer", "max_dimension: 300", "min_dimension", "max_dimension, which is 300", 300),
        ("KeepAspectRatioResizer", "per_channel_pad_value: 1", "per_channel_pad_value", "0 or 3 values", None),
        (
            "KeepAspectRatioResizer",
            "max_dimension: 99999 pad_to_max_dimension: true",
            "max_dimension",
            "at most 16,384",
            1024,
        ),
        ("ConditionalShapeResizer", "condition: INVALID", "condition", "GREATER", None),
        ("ConditionalShapeResizer", "condition: SMALLER size_threshold: 99999", "size_threshold", "grow", 300),
        ("FasterRcnn", "num_classes: 1", "initial_crop_size", "squares of this side", 7),
        (
            "FasterRcnn",
            "num_classes: 1 initial_crop_size: 3 maxpool_kernel_size: 4 maxpool_stride: 1",
            "maxpool_kernel_size",
            "initial_crop_size, which is 3",
            3,
        ),
        (
            "FasterRcnnFeatureExtractor",
            "first_stage_features_stride: 32",
            "first_stage_features_stride",
            "16 and 8",
            16,
        ),
        ("CosineDecayLearningRate", "total_steps: 100", "warmup_steps", "longer than the whole", 10),
        (
            "CosineDecayLearningRate",
            "learning_rate_base: 0.1 warmup_learning_rate: 0.2",
            "warmup_learning_rate",
            "above the base rate 0.1",
            0.01,
        ),
        ("ManualStepLearningRate", "", "schedule", "no entry", None),
        ("ManualStepLearningRate", "schedule { step: 5 } schedule { step: 5 }", "schedule", "must rise", None),
        ("TrainConfig", 'freeze_variables: ["a", "(b"]', "freeze_variables.1", "regular expression", r"\(b"),
        ("RandomAdjustContrast", "min_delta: 2", "min_delta", "max_delta, which is 1.25", 1.25),
        ("RandomCropImage", "min_area: 0.9 max_area: 0.3", "min_area", ORDERED, 0.3),
        ("RandomCropImage", "min_aspect_ratio: 9", "min_aspect_ratio", "max_aspect_ratio, which is 1.33", 1.33),
        ("RandomAbsolutePadImage", "pad_color: [1, 2]", "pad_color", "0 or 3 values", None),
        ("RandomSquareCropByScale", "scale_min: 2", "scale_min", "scale_max, which is 1.3", 1.3),
    ],
)
def test_fields_at_odds_are_told_and_the_advice_mends_them(kind, fields, field, why, use):
    message = text.parse(fields, kind=kind.replace("BoxEncodings", "ConvolutionalBoxPredictor.BoxEncodings"))
    ((name, _, reason, advice),) = limits.broken(message)
    assert name == field and why in reason and advice == use
    if use is not None and "." not in field:
        apply(message, {field: use})
        assert not told(message)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("ArgMaxMatcher", "ignore_thresholds: true unmatched_threshold: 0.9"),
        ("ArgMaxMatcher", "matched_threshold: -1 unmatched_threshold: -2"),  # of neg_sq_dist_similarity
        ("SsdAnchorGenerator", "scales: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6] min_scale: 0 aspect_ratios: 1"),
        ("SsdAnchorGenerator", "num_layers: 1 interpolated_scale_aspect_ratio: 0"),
        ("ConvolutionalBoxPredictor", "use_dropout: false dropout_keep_probability: 0"),
        ("ConvolutionalBoxPredictor", "num_layers_before_predictor: -1"),
        ("ConvolutionalBoxPredictor", "num_layers_before_predictor: 1 min_depth: 5 max_depth: 4"),
        ("Optimizer", "use_moving_average: false moving_average_decay: 7"),
        ("CosineDecayLearningRate", "learning_rate_base: 1e-9 warmup_steps: 0 total_steps: 1"),
        ("ManualStepLearningRate", "initial_learning_rate: 0 warmup: true schedule { step: 5 }"),
        ("KeepAspectRatioResizer", "max_dimension: 99999"),
        ("ConditionalShapeResizer", "size_threshold: 99999"),
        ("FasterRcnn", "num_classes: 1 number_of_stages: 1 second_stage_batch_size: 0"),
        ("FasterRcnn", "num_classes: 1 initial_crop_size: 7 maxpool_stride: 0"),
        ("HardExampleMiner", "num_hard_examples: 0 max_negatives_per_positive: -1"),
        ("BoxEncodingsClipRange", "min: -inf max: inf"),
        ("BatchNorm", "decay: 1 epsilon: 0"),
    ],
)
def test_what_the_od_api_takes_is_left_alone(kind, fields):
    kind = kind.replace("BoxEncodings", "ConvolutionalBoxPredictor.BoxEncodings")
    assert not told(text.parse(fields, kind=kind))


def test_everything_is_told_at_once_with_its_path():
    config = text.parse(BUILDABLE["ssd"])
    apply(
        config,
        {
            "model.ssd.num_classes": 0,
            "model.ssd.image_resizer.fixed_shape_resizer.height": 32,
            "model.ssd.matcher.argmax_matcher.matched_threshold": 1.5,
            "model.ssd.box_predictor.convolutional_box_predictor.kernel_size": 0,
            "model.ssd.loss.hard_example_miner.iou_threshold": -0.5,
            "train_config.batch_size": 0,
            "train_config.data_augmentation_options": [
                {"random_horizontal_flip": {}},
                {"ssd_random_crop": {"operations": [{"min_area": 0.1, "max_area": 1}]}},
            ],
            "train_config.optimizer.adam_optimizer.learning_rate.constant_learning_rate.learning_rate": -0.1,
            "train_input_reader.max_number_of_boxes": 0,
        },
    )
    findings = [finding for finding in lint(config) if finding.rule == "impossible-value"]
    crop = "train_config.data_augmentation_options.1.ssd_random_crop.operations.0"
    assert sorted((finding.field, finding.value, finding.use) for finding in findings) == [
        ("model.ssd.box_predictor.convolutional_box_predictor.kernel_size", 0, 1),
        ("model.ssd.image_resizer.fixed_shape_resizer.height", 32, 300),
        ("model.ssd.loss.hard_example_miner.iou_threshold", -0.5, 0.7),
        ("model.ssd.matcher.argmax_matcher.matched_threshold", 1.5, 0.5),
        ("model.ssd.num_classes", 0, None),
        ("train_config.batch_size", 0, 8),
        (f"{crop}.max_aspect_ratio", 0.0, 2.0),
        (f"{crop}.min_aspect_ratio", 0.0, 0.5),
        ("train_config.optimizer.adam_optimizer.learning_rate.constant_learning_rate.learning_rate", -0.1, 0.002),
        ("train_input_reader.max_number_of_boxes", 0, 100),
    ]
    assert {finding.level for finding in findings} == {"error"}


def test_no_image_is_smaller_than_the_extractors_take():
    path = "model.faster_rcnn.image_resizer"
    for resizer, sides in [
        ("fixed_shape_resizer { height: 32 width: 33 }", ["height"]),
        ("keep_aspect_ratio_resizer { min_dimension: 20 max_dimension: 99 }", ["min_dimension"]),
        ("keep_aspect_ratio_resizer { min_dimension: 20 max_dimension: 99 pad_to_max_dimension: true }", []),
        ("conditional_shape_resizer { size_threshold: 9 }", ["size_threshold"]),
        ("conditional_shape_resizer { condition: SMALLER size_threshold: 9 }", []),
    ]:
        config = text.parse(BUILDABLE["faster_rcnn"].replace("identity_resizer {}", resizer))
        small = [finding.field for finding in lint(config) if finding.field.startswith(path)]
        assert small == [f"{path}.{resizer.split()[0]}.{side}" for side in sides]


def test_the_engine_refuses_by_the_same_rules():
    pytest.importorskip("tensorflow")
    from boxwright.detector.build import builder

    config = text.parse(BUILDABLE["ssd"])
    config.model.ssd.box_predictor.convolutional_box_predictor.use_depthwise = True
    with pytest.raises(UserError, match=r"model\.ssd\..*kernel_size is 1: a depthwise .*\. Use 3\."):
        builder.build(config.model)
