"""What is known of each message holds together, and numbers that cannot be are told with one that can."""

import ast
import importlib
import math
from pathlib import Path

import pytest
from tests.unit.catalog.buildable import KNOWN, new

import boxwright
from boxwright.catalog import check, messages
from boxwright.catalog.parts import ROOMS
from boxwright.catalog.ranges import ANY, Range
from boxwright.catalog.spec import Block, Only, Spec
from boxwright.pipeline import text
from boxwright.pipeline.overrides import apply

STEMS = sorted(path.stem for path in Path(messages.__file__).parent.glob("*.py") if path.stem != "__init__")
BY_STEM = {kind.lower(): kind for kind in KNOWN}
SPECS = {BY_STEM[stem.replace("_", "")]: importlib.import_module(f"{messages.__name__}.{stem}").SPEC for stem in STEMS}
RANGES = [(kind, name) for kind, spec in SPECS.items() for name, fact in spec.fields.items() if isinstance(fact, Range)]


def told(message):
    """What is impossible in the message itself: value, reason and advice by field."""
    found = [each for each in check.findings(message) if each.rule == check.IMPOSSIBLE]
    return {each.field: (each.value, each.why, each.use) for each in found}


def field_at(kind, path):
    """The field at a dotted path below a message; None if there is none."""
    descriptor, field = KNOWN[kind], None
    for name in path.split("."):
        field = descriptor and descriptor.fields_by_name.get(name)
        descriptor = field and field.message_type
    return field


def test_each_module_is_about_a_message_and_is_found_by_its_name():
    assert len(SPECS) == len(STEMS) >= 60
    for kind, spec in SPECS.items():
        assert isinstance(spec, Spec) and messages.spec_of(kind) is spec
    assert messages.module_of("IdentityResizer") is None and messages.spec_of("IdentityResizer") == Spec()


@pytest.mark.parametrize("kind", SPECS)
def test_what_is_known_names_fields_that_there_are(kind):
    spec = SPECS[kind]
    for name, fact in spec.fields.items():
        fits(kind, name, fact)
    for name in spec.unread:
        assert name in KNOWN[kind].fields_by_name, name
    for relation in spec.relations:
        assert all(field_at(kind, path) for path in relation.of), relation.of
    if spec.choices:
        offered = {field.name for field in KNOWN[kind].oneofs[0].fields}
        assert len(set(spec.choices)) == len(spec.choices) and set(spec.choices) <= offered


def fits(kind, name, fact):
    """A fact is of the kind that its field can have."""
    field = KNOWN[kind].fields_by_name[name]
    if isinstance(fact, Range):
        assert field.cpp_type in check._NUMBERS, name
    elif isinstance(fact, Only):
        if field.message_type is not None:
            assert fact.value is None, name
        elif field.enum_type is not None:
            assert fact.value in field.enum_type.values_by_name, name
        else:
            assert type(fact.value) is type(field.default_value), name
            assert fact.value == field.default_value, f"{kind}.{name}: the default would be refused"
    else:
        assert isinstance(fact, Block) and field.message_type is not None, name
        inner = field.message_type.name
        if not callable(fact.among):
            assert set(fact.among) <= set(messages.spec_of(inner).choices), name
        assert not fact.after or field_at(kind, fact.after), name
        for below, said in fact.fields.items():
            fits(inner, below, said)


@pytest.mark.parametrize(("kind", "name"), RANGES)
def test_each_range_knows_a_number_within(kind, name):
    """So that there is advice: the schema's default, or one of its own. Lists and the classes have no such number."""
    bound, field = SPECS[kind].fields[name], KNOWN[kind].fields_by_name[name]
    use = bound.instead_of(field)
    assert use in bound if use is not None else field.is_repeated or name == "num_classes"


def parts_in(room):
    """The modules of a room that can be chosen: those with a `make`."""
    folder = Path(boxwright.__file__).parent.joinpath(*room.split(".")[1:])
    for path in folder.glob("*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        names = [node.name for node in body if isinstance(node, ast.FunctionDef)]
        names += [ast.unparse(target) for node in body if isinstance(node, ast.Assign) for target in node.targets]
        if "make" in names:
            yield path.stem


@pytest.mark.parametrize("room", sorted(set(ROOMS.values())))
def test_what_is_offered_is_there_and_what_is_there_is_offered(room):
    if not list(parts_in(room)):
        pytest.skip("the room is not furnished yet")
    offered = [name for kind, its_room in ROOMS.items() if its_room == room for name in SPECS[kind].choices]
    assert sorted(offered) == sorted(parts_in(room))


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
        (Range(most=1, below=True), "below 1", [-1e30, 0.9], [1, math.nan]),
        (Range(0, 0), "0", [0], [1, -1]),
    ],
)
def test_ranges_and_their_words(bound, words, inside, outside):
    assert str(bound) == words
    assert all(value in bound for value in inside) and not any(value in bound for value in outside)


@pytest.mark.parametrize(("kind", "name"), RANGES)
def test_each_end_of_each_range_is_held_and_the_advice_is_within(kind, name):
    bound, field = SPECS[kind].fields[name], KNOWN[kind].fields_by_name[name]
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
        for switch in (
            "use_dropout",
            "use_moving_average",
            "warmup_steps",
            "maxpool_kernel_size",
            "num_layers_before_predictor",
        ):
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
    assert tried or bound == ANY


ORDERED = "it must not be above "
_OF_SUPPRESSION = "batch_non_max_suppression.score_threshold"
_NOTHING = "score_converter: SIGMOID batch_non_max_suppression { score_threshold: 50 }"


@pytest.mark.parametrize(
    ("kind", "fields", "field", "why", "use"),
    [
        ("BoxEncodingsClipRange", "min: 1 max: -1", "min", ORDERED, -1),
        (
            "Ssd",
            "num_classes: 1 add_background_class: false similarity_calculator { thresholded_iou_similarity { } }",
            "add_background_class",
            "treats the first class",
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
        ("FeaturePyramidNetworks", "min_level: 4 max_level: 3", "min_level", "max_level, which is 3", 3),
        (
            "BidirectionalFeaturePyramidNetworks",
            "min_level: 4 max_level: 3 num_iterations: 1 num_filters: 8 combine_method: 'sum'",
            "min_level",
            "max_level, which is 3",
            3,
        ),
        ("SsdFeatureExtractor", 'type: "ssd_mobilenet_v1" num_layers: 7', "num_layers", "must be 2 to 6", 6),
        ("SsdFeatureExtractor", 'type: "ssd_mobilenet_v2_keras" num_layers: 1', "num_layers", "must be 2 to 6", 6),
        (
            "Ssd",
            'num_classes: 1 feature_extractor { type: "ssd_mobilenet_v1" } anchor_generator { '
            "multiscale_anchor_generator { min_level: 4 max_level: 8 aspect_ratios: 1 } }",
            "feature_extractor.num_layers",
            "has 5 layers",
            5,
        ),
        (
            "Ssd",
            'num_classes: 1 feature_extractor { type: "embedded_ssd_mobilenet_v1" } anchor_generator { '
            "ssd_anchor_generator { aspect_ratios: 1 } }",
            "anchor_generator.ssd_anchor_generator",
            "always has the levels 4 to 8",
            None,
        ),
        (
            "Ssd",
            'num_classes: 1 feature_extractor { type: "embedded_ssd_mobilenet_v1" } '
            "image_resizer { fixed_shape_resizer { height: 300 width: 256 } }",
            "image_resizer.fixed_shape_resizer.height",
            "256x256 pixels only",
            256,
        ),
        (
            "Ssd",
            'num_classes: 1 feature_extractor { type: "embedded_ssd_mobilenet_v1" } '
            "image_resizer { keep_aspect_ratio_resizer { } }",
            "image_resizer",
            "use a fixed_shape_resizer",
            "fixed_shape_resizer",
        ),
        (
            "SsdFeatureExtractor",
            'type: "embedded_ssd_mobilenet_v1" pad_to_multiple: 32',
            "pad_to_multiple",
            "no other than 1",
            1,
        ),
        (
            "SsdFeatureExtractor",
            'type: "ssd_mobilenet_v2_mnasfpn" fpn { min_level: 3 }',
            "fpn.max_level",
            "no other than 6",
            6,
        ),
        (
            "Ssd",
            'num_classes: 1 feature_extractor { type: "ssd_mobilenet_v2_mnasfpn" } '
            "image_resizer { fixed_shape_resizer { height: 320 width: 300 } }",
            "image_resizer.fixed_shape_resizer.width",
            "multiples of 64",
            320,
        ),
        (
            "Ssd",
            'num_classes: 1 feature_extractor { type: "ssd_spaghettinet" num_layers: 9 pad_to_multiple: 8 } '
            "anchor_generator { ssd_anchor_generator { aspect_ratios: 1 } }",
            "anchor_generator.ssd_anchor_generator",
            "always has the levels 4 to 8",
            None,
        ),
        ("SsdAnchorGenerator", "scales: [0.1, 0.2]", "scales", "num_layers is 6", None),
        ("SsdAnchorGenerator", "min_scale: 0.9 max_scale: 0.3", "min_scale", "max_scale, which is 0.3", 0.3),
        ("SsdAnchorGenerator", "height_stride: [1, 2]", "height_stride", "one per layer", None),
        ("SsdAnchorGenerator", "num_layers: 1 width_offset: 2", "height_offset", "give both or none", [2]),
        ("SsdAnchorGenerator", "interpolated_scale_aspect_ratio: 0", "aspect_ratios", "no anchors", [1.0]),
        ("GridAnchorGenerator", "scales: 1", "aspect_ratios", "none is listed", [1.0]),
        ("GridAnchorGenerator", "aspect_ratios: 1", "scales", "none is listed", [1.0]),
        ("FlexibleGridAnchorGenerator", "", "anchor_grid", "none is listed", None),
        ("AnchorGrid", "height_stride: 8 width_stride: 8", "base_sizes", "none is listed", None),
        (
            "AnchorGrid",
            "base_sizes: [8, 9] aspect_ratios: 2 height_stride: 8 width_stride: 8",
            "aspect_ratios",
            "as many values as base_sizes, 2",
            [1.0, 1.0],
        ),
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
        ("ConditionalShapeResizer", "condition: SMALLER size_threshold: 99999", "size_threshold", "enlarged", 300),
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
            'type: "faster_rcnn_resnet50" first_stage_features_stride: 32',
            "first_stage_features_stride",
            "16 and 8",
            16,
        ),
        ("RfcnBoxPredictor", "crop_width: 10", "crop_width", "a multiple of num_spatial_bins_width, which is 3", 12),
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
        ("PostProcessing", _NOTHING, _OF_SUPPRESSION, "nothing would be detected", 0.0),
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
    (found,) = [each for each in check.findings(message) if each.rule == check.IMPOSSIBLE]
    assert found.field == field and why in found.why and found.use == use
    if use is not None and "." not in field and not message.DESCRIPTOR.fields_by_name[field].message_type:
        apply(message, {field: use})
        assert not told(message)


_HEAD = "second_stage_box_predictor"


@pytest.mark.parametrize(
    ("kind", "type_", "path"),
    [
        ("Ssd", "ssd_mobilenet_v1", "feature_extractor.conv_hyperparams"),
        ("Ssd", "ssd_mobilenet_v1", "box_predictor.convolutional_box_predictor.conv_hyperparams"),
        ("Ssd", "ssd_mobilenet_v1_fpn", "box_predictor.weight_shared_convolutional_box_predictor.conv_hyperparams"),
        ("FasterRcnn", "faster_rcnn_resnet50", "first_stage_box_predictor_conv_hyperparams"),
        ("FasterRcnn", "faster_rcnn_resnet50", f"{_HEAD}.mask_rcnn_box_predictor.fc_hyperparams"),
        ("FasterRcnn", "faster_rcnn_resnet50", f"{_HEAD}.rfcn_box_predictor.conv_hyperparams"),
    ],
)
def test_a_bias_is_forced_in_tf2_models_alone(kind, type_, path):
    """The OD API raises an error for it in TF1 models."""
    message, field = new(kind), f"{path}.force_use_bias"
    apply(message, {"feature_extractor.type": type_, field: True})
    seen, why, use = told(message)[field]
    assert seen is True and "only TF2 models" in why and use is False
    apply(message, {"feature_extractor.type": f"{type_}_keras"})
    assert field not in told(message)
    apply(message, {"feature_extractor.type": type_, field: None})
    assert field not in told(message)


@pytest.mark.parametrize(
    ("kind", "type_", "path"),
    [
        ("Ssd", "ssd_mobilenet_v1", "feature_extractor.conv_hyperparams"),
        ("Ssd", "ssd_mobilenet_v1", "box_predictor.convolutional_box_predictor.conv_hyperparams"),
        ("FasterRcnn", "faster_rcnn_resnet50", "first_stage_box_predictor_conv_hyperparams"),
        ("FasterRcnn", "faster_rcnn_resnet50", f"{_HEAD}.rfcn_box_predictor.conv_hyperparams"),
    ],
)
def test_batch_norm_is_synchronised_in_tf2_models_alone(kind, type_, path):
    """The OD API raises an error for it in TF1 models."""
    message, field = new(kind), f"{path}.sync_batch_norm"
    apply(message, {"feature_extractor.type": type_, field: {}})
    assert "only TF2 models have it" in told(message)[field][1]
    apply(message, {"feature_extractor.type": f"{type_}_keras"})
    assert field not in told(message)


@pytest.mark.parametrize(
    ("kind", "type_", "path", "op"),
    [
        ("Ssd", "ssd_mobilenet_v1", "feature_extractor.conv_hyperparams", "CONV"),
        ("Ssd", "ssd_mobilenet_v1", "box_predictor.convolutional_box_predictor.conv_hyperparams", "CONV"),
        (
            "Ssd",
            "ssd_mobilenet_v1_fpn",
            "box_predictor.weight_shared_convolutional_box_predictor.conv_hyperparams",
            "CONV",
        ),
        ("FasterRcnn", "faster_rcnn_resnet50", "first_stage_box_predictor_conv_hyperparams", "CONV"),
        ("FasterRcnn", "faster_rcnn_resnet50", f"{_HEAD}.rfcn_box_predictor.conv_hyperparams", "CONV"),
        ("FasterRcnn", "faster_rcnn_resnet50", f"{_HEAD}.mask_rcnn_box_predictor.fc_hyperparams", "FC"),
    ],
)
def test_settings_are_for_their_kind_of_layer_in_tf1_models(kind, type_, path, op):
    """TF2 models do not read for which kind they are."""
    message, field = new(kind), f"{path}.op"
    other = {"CONV": "FC", "FC": "CONV"}[op]
    apply(message, {"feature_extractor.type": type_, field: other})
    seen, why, use = told(message)[field]
    assert (seen, use) == (other, op) and "apply to no" in why and (op == "FC") == ("by default" in why)
    apply(message, {"feature_extractor.type": f"{type_}_keras"})
    assert field not in told(message)
    apply(message, {"feature_extractor.type": type_, field: op})
    assert field not in told(message)


@pytest.mark.parametrize(("kind", "place"), [(kind, place) for kind in SPECS for place in SPECS[kind].no_effect])
def test_what_has_no_effect_is_a_field(kind, place):
    """And what is done anyway is a value of it, but not its default."""
    *blocks, name = place.split(".")
    descriptor, done = KNOWN[kind], SPECS[kind].no_effect[place].done
    for block in blocks:
        descriptor = descriptor.fields_by_name[block].message_type
    field = descriptor.fields_by_name[name]
    values = field.enum_type.values_by_name if field.enum_type else [True, False]
    assert done is None or (done in values and not field.is_repeated and not field.message_type)
    assert SPECS[kind].no_effect[place].why


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
        ("PostProcessing", "batch_non_max_suppression { score_threshold: 50 }"),  # of raw predictions
        ("ConditionalShapeResizer", "size_threshold: 99999"),
        ("FasterRcnn", "num_classes: 1 number_of_stages: 1 second_stage_batch_size: 0"),
        ("FasterRcnn", "num_classes: 1 initial_crop_size: 7 maxpool_stride: 0"),
        ("HardExampleMiner", "num_hard_examples: 0 max_negatives_per_positive: -1"),
        ("BoxEncodingsClipRange", "min: -inf max: inf"),
        ("BatchNorm", "decay: 1 epsilon: 0"),
        ("SsdFeatureExtractor", 'type: "ssd_resnet50_v1_fpn" min_depth: 64'),
        ("SsdFeatureExtractor", 'type: "ssd_mobilenet_v1_fpn" min_depth: 512'),
    ],
)
def test_what_the_od_api_takes_is_left_alone(kind, fields):
    kind = kind.replace("BoxEncodings", "ConvolutionalBoxPredictor.BoxEncodings")
    assert not told(text.parse(fields, kind=kind))
