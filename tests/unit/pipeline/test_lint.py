"""Findings on a pipeline configuration."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.factories import SSD_PARTS
from tests.unit.catalog.buildable import BUILDABLE

from boxwright.catalog import forms
from boxwright.catalog.extractors import EXTRACTORS
from boxwright.catalog.findings import Facts, Finding
from boxwright.core.errors import UserError
from boxwright.pipeline import lint_unread, text
from boxwright.pipeline.lint import accept, lint
from boxwright.pipeline.overrides import apply

TEMPLATES = Path(__file__).parents[3] / "config/pipelines"

# A configuration on which there is nothing to say.
CLEAN = """
model { ssd { num_classes: 3
  feature_extractor { type: "ssd_mobilenet_v1" conv_hyperparams { batch_norm { train: false } } }
  freeze_batchnorm: true box_predictor { convolutional_box_predictor {} }
  SSD_PARTS } }
train_config { batch_size: 8 num_steps: 1000
  fine_tune_checkpoint: "model.ckpt" fine_tune_checkpoint_type: "detection"
  data_augmentation_options { ssd_random_crop {} }
  optimizer { use_moving_average: false momentum_optimizer { learning_rate { cosine_decay_learning_rate {
    learning_rate_base: 0.004 warmup_learning_rate: 0.001 warmup_steps: 100 total_steps: 1000 } } } } }
train_input_reader { }
eval_config { metrics_set: "coco_detection_metrics" }
eval_input_reader { shuffle: false }
""".replace("SSD_PARTS", SSD_PARTS)
RATE = "train_config.optimizer.momentum_optimizer.learning_rate"
COSINE = f"{RATE}.cosine_decay_learning_rate"
FACTS = Facts(
    num_classes=3,
    max_boxes=100,
    anchor_coverage=0.95,
    checkpoint_names=["FeatureExtractor/MobilenetV1/Conv2d_0/weights"],
)


def found(overrides=None, facts=FACTS):
    config = text.parse(CLEAN)
    apply(config, overrides or {})
    return lint(config, facts)


def only(overrides=None, facts=FACTS) -> Finding:
    (finding,) = found(overrides, facts)
    return finding


def test_nothing_to_say_on_a_sound_configuration():
    assert found() == [] and found(facts=Facts()) == []


@pytest.mark.parametrize(
    ("overrides", "rule", "level", "field", "use"),
    [
        (
            {f"{RATE}.exponential_decay_learning_rate": {"initial_learning_rate": 0.004, "decay_steps": 1000}},
            "constant-learning-rate",
            "warning",
            f"{RATE}.exponential_decay_learning_rate.decay_steps",
            22,
        ),
        (
            {"model.ssd.loss.hard_example_miner": {"num_hard_examples": 1000, "max_negatives_per_positive": 3}},
            "few-hard-examples",
            "warning",
            "model.ssd.loss.hard_example_miner.num_hard_examples",
            0,
        ),
        (
            {
                f"{RATE}.manual_step_learning_rate": {
                    "initial_learning_rate": 0.004,
                    "schedule": [{"step": 9000, "learning_rate": 4e-4}, {"step": 12000, "learning_rate": 4e-5}],
                }
            },
            "constant-learning-rate",
            "warning",
            f"{RATE}.manual_step_learning_rate.schedule",
            [{"step": 667, "learning_rate": 4e-4}, {"step": 889, "learning_rate": 4e-5}],
        ),
        (
            {f"{COSINE}.hold_base_rate_steps": 900},
            "constant-learning-rate",
            "warning",
            f"{COSINE}.hold_base_rate_steps",
            0,
        ),
        ({f"{COSINE}.total_steps": 5000}, "unfinished-cosine", "warning", f"{COSINE}.total_steps", 1000),
        ({f"{COSINE}.total_steps": 500}, "zero-learning-rate", "warning", f"{COSINE}.total_steps", 1000),
        ({f"{COSINE}.warmup_steps": 2000}, "impossible-value", "error", f"{COSINE}.warmup_steps", 100),
        (
            {f"{COSINE}.warmup_learning_rate": 0.1},
            "impossible-value",
            "error",
            f"{COSINE}.warmup_learning_rate",
            0.0004,
        ),
        (
            {f"{RATE}.manual_step_learning_rate": {}},
            "impossible-value",
            "error",
            f"{RATE}.manual_step_learning_rate.schedule",
            None,
        ),
        (
            {f"{RATE}.manual_step_learning_rate": {"schedule": [{"step": 9}, {"step": 9}]}},
            "impossible-value",
            "error",
            f"{RATE}.manual_step_learning_rate.schedule",
            None,
        ),
        (
            {"train_config.optimizer": {"use_moving_average": False}},
            "no-learning-rate",
            "error",
            "train_config.optimizer",
            None,
        ),
        ({"train_config.num_steps": 0}, "endless-training", "info", "train_config.num_steps", None),
        ({"train_config.batch_size": 64}, "pod-batch", "warning", "train_config.batch_size", 8),
        (
            {f"{COSINE}.learning_rate_base": 0.08},
            "pod-learning-rate",
            "warning",
            f"{COSINE}.learning_rate_base",
            0.0048,
        ),
        (
            {"train_config.optimizer.use_moving_average": None},
            "unused-moving-averages",
            "warning",
            "train_config.optimizer.use_moving_average",
            False,
        ),
        (
            {"eval_config.use_moving_averages": True},
            "missing-moving-averages",
            "error",
            "eval_config.use_moving_averages",
            False,
        ),
        (
            {"train_config.fine_tune_checkpoint_type": "classification"},
            "checkpoint-type",
            "error",
            "train_config.fine_tune_checkpoint_type",
            "detection",
        ),
        ({"eval_input_reader.0.shuffle": None}, "shuffled-evaluation", "warning", "eval_input_reader.0.shuffle", False),
        (
            {"eval_config.metrics_set": ["open_images_metrics"]},
            "unknown-metrics",
            "warning",
            "eval_config.metrics_set.0",
            None,
        ),
        (
            {"eval_config.metrics_set": ["coco_mask_metrics"]},
            "unmeasured-metrics",
            "info",
            "eval_config.metrics_set.0",
            "coco_detection_metrics",
        ),
        (
            {"model.ssd.feature_extractor.type": "ssd_pnasnet"},
            "unsupported",
            "error",
            "model.ssd.feature_extractor.type",
            None,
        ),
        (
            {"train_config.data_augmentation_options.0.autoaugment_image": {}},
            "unsupported",
            "error",
            "train_config.data_augmentation_options.0",
            None,
        ),
        (
            {"model.ssd.box_predictor.rfcn_box_predictor": {}},
            "unsupported",
            "error",
            "model.ssd.box_predictor",
            "convolutional_box_predictor",
        ),
        ({"train_config.batch_size": 0}, "impossible-value", "error", "train_config.batch_size", 8),
        ({"train_config.use_bfloat16": True}, "unused-field", "info", "train_config.use_bfloat16", None),
        (
            {f"{RATE}.manual_step_learning_rate.schedule": [{"step": 0}, {"step": 500, "learning_rate": 1e-4}]},
            "first-step",
            "info",
            f"{RATE}.manual_step_learning_rate.schedule",
            [{"step": 500, "learning_rate": 1e-4}],
        ),
        (
            {"train_config.fine_tune_checkpoint_type": "detecton"},
            "checkpoint-type",
            "error",
            "train_config.fine_tune_checkpoint_type",
            "detection",
        ),
        (
            {"train_config.num_steps": 0, f"{COSINE}.total_steps": 700},
            "endless-training",
            "info",
            "train_config.num_steps",
            700,
        ),
        (
            {
                "model.ssd.anchor_generator.multiscale_anchor_generator": {"aspect_ratios": [1.0], "max_level": 8},
                "model.ssd.anchor_generator.multiscale_anchor_generator.min_level": 3,
            },
            "anchor-level",
            "warning",
            "model.ssd.anchor_generator.multiscale_anchor_generator.min_level",
            None,
        ),
        (
            {"model.ssd.anchor_generator.ssd_anchor_generator.num_layers": 5},
            "impossible-value",
            "error",
            "model.ssd.feature_extractor.num_layers",
            5,
        ),
        (
            {"model.ssd.anchor_generator.ssd_anchor_generator.aspect_ratios": [1.0, -2.0]},
            "impossible-value",
            "error",
            "model.ssd.anchor_generator.ssd_anchor_generator.aspect_ratios.1",
            None,
        ),
        (
            {
                "model.ssd.anchor_generator.ssd_anchor_generator.height_stride": [16],
            },
            "impossible-value",
            "error",
            "model.ssd.anchor_generator.ssd_anchor_generator.height_stride",
            None,
        ),
        (
            {"model.ssd.anchor_generator.multiscale_anchor_generator": {"min_level": 4, "max_level": 9}},
            "impossible-value",
            "error",
            "model.ssd.anchor_generator.multiscale_anchor_generator.aspect_ratios",
            [1.0],
        ),
        (
            {f"{RATE}.manual_step_learning_rate.schedule": [{"step": 500, "learning_rate": 1e-4}, {}]},
            "impossible-value",
            "error",
            f"{RATE}.manual_step_learning_rate.schedule",
            None,
        ),
        ({"model.ssd.box_coder": {}}, "unsupported", "error", "model.ssd.box_coder", "faster_rcnn_box_coder"),
        (
            {"train_input_reader.load_context_features": True},
            "unsupported",
            "error",
            "train_input_reader.load_context_features",
            False,
        ),
        ({"graph_rewriter.quantization": {}}, "no-quantization", "warning", "graph_rewriter.quantization", None),
        (
            {"model.ssd.feature_extractor.conv_hyperparams.batch_norm.train": True},
            "batch-norm-not-frozen",
            "info",
            "model.ssd.feature_extractor.conv_hyperparams.batch_norm.train",
            False,
        ),
        (
            {
                "model.ssd.feature_extractor.conv_hyperparams.batch_norm.train": True,
                "model.ssd.feature_extractor.override_base_feature_extractor_hyperparams": True,
            },
            "batch-norm-not-frozen",
            "warning",
            "model.ssd.feature_extractor.conv_hyperparams.batch_norm.train",
            False,
        ),
    ],
)
def test_each_mistake_is_found_alone(overrides, rule, level, field, use):
    finding = only(overrides)
    assert (finding.rule, finding.level, finding.field) == (rule, level, field)
    assert finding.why
    if use is not None:
        assert finding.use == use
        if level != "error" and not isinstance(use, str) and "." in field:
            assert found(overrides | {field: use}) == [], "the value to use settles the finding"


def test_another_backbone_is_found_where_every_variable_that_fits_is_taken():
    config = text.parse(CLEAN)
    config.train_config.load_all_detection_checkpoint_vars = True
    assert lint(config, FACTS) == []
    names = ["FeatureExtractor/MobilenetV2/Conv/weights", "BoxPredictor_0/BoxEncodingPredictor/weights"]
    (finding,) = lint(config, Facts(checkpoint_names=names))
    assert (finding.rule, finding.level) == ("another-backbone", "error")
    assert "nothing of its backbone would be restored; it has those of ssd_mobilenet_v2" in finding.why


@pytest.mark.parametrize(
    ("facts", "rule", "level", "field", "use"),
    [
        (Facts(num_classes=4), "num-classes", "error", "model.ssd.num_classes", 4),
        (
            Facts(anchor_coverage=0.5),
            "anchor-coverage",
            "warning",
            "model.ssd.anchor_generator.ssd_anchor_generator",
            None,
        ),
        (
            Facts(checkpoint_names=["MobilenetV1/Conv2d_0/weights", "global_step"]),
            "checkpoint-type",
            "error",
            "train_config.fine_tune_checkpoint_type",
            "classification",
        ),
        (
            Facts(checkpoint_names=["FeatureExtractor/MobilenetV2/Conv/weights", "BoxPredictor_0/weights"]),
            "another-backbone",
            "error",
            "train_config.fine_tune_checkpoint",
            None,
        ),
        (
            Facts(checkpoint_names=["_CHECKPOINTABLE_OBJECT_GRAPH", "model/_feature_extractor/x/.ATTRIBUTES/V"]),
            "another-backbone",
            "error",
            "train_config.fine_tune_checkpoint",
            None,
        ),
        (
            Facts(checkpoint_names=["dense/kernel"]),
            "unknown-checkpoint",
            "error",
            "train_config.fine_tune_checkpoint",
            None,
        ),
    ],
)
def test_what_the_data_and_the_checkpoint_contradict(facts, rule, level, field, use):
    finding = only(facts=facts)
    assert (finding.rule, finding.level, finding.field, finding.use) == (rule, level, field, use)


NMS = "model.ssd.post_processing.batch_non_max_suppression"


def told(findings):
    return {(finding.rule, finding.field, finding.value, finding.use) for finding in findings}


def test_every_limit_is_held_against_the_fullest_image():
    findings = found(facts=Facts(max_boxes=250, max_measured=180, max_objects=250, max_objects_of_class=120))
    assert told(findings) == {
        ("too-few-boxes", "train_input_reader.max_number_of_boxes", 100, 250),
        ("too-few-detections", f"{NMS}.max_total_detections", 100, 250),
        ("too-few-detections", f"{NMS}.max_detections_per_class", 100, 120),
        ("beyond-coco", "eval_config.metrics_set", "coco_detection_metrics", None),
    }
    assert "180 boxes, and COCO's metrics count 100 detections" in str(findings)
    assert {finding.level for finding in findings} == {"warning"}
    assert found(facts=Facts(max_boxes=100, max_measured=100, max_objects=100, max_objects_of_class=100)) == []
    limits = {f"{NMS}.max_total_detections": 250, f"{NMS}.max_detections_per_class": 250}
    assert found(limits, Facts(max_objects=250, max_objects_of_class=250)) == []


def test_the_proposals_of_faster_rcnn_are_a_limit_too():
    config = text.read(Path(__file__).parents[3] / "config/pipelines/faster_rcnn_resnet50.config")
    limit = config.model.faster_rcnn.first_stage_max_proposals
    fields = {finding.field: finding.use for finding in lint(config, Facts(max_objects=limit + 1))}
    assert fields["model.faster_rcnn.first_stage_max_proposals"] == limit + 1
    below = "model.faster_rcnn.second_stage_post_processing.batch_non_max_suppression.max_total_detections"
    assert fields[below] == limit + 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("train_config.startup_delay_steps", 5.0),
        ("train_config.sync_replicas", True),
        ("train_input_reader.sample_from_datasets_weights", [1.0]),
        ("train_input_reader.num_readers", 3),
        ("eval_config.ignore_groundtruth", True),
        ("eval_config.recall_lower_bound", 0.5),
        ("eval_input_reader.0.max_number_of_boxes", 300),
        ("eval_input_reader.1", {"shuffle": False}),
    ],
)
def test_what_nobody_reads_is_an_info(field, value):
    finding = only({field: value})
    assert (finding.rule, finding.level, finding.field, finding.use) == ("unused-field", "info", field, None)
    assert "not used" in finding.why


SSD, STAGES = "model.ssd", "model.faster_rcnn"
TOWERS = "box_predictor.weight_shared_convolutional_box_predictor"
RPN, REGIONS = "first_stage_box_predictor_conv_hyperparams", "second_stage_box_predictor.mask_rcnn_box_predictor"
SUPPRESSION = "post_processing.batch_non_max_suppression"
L2, NORMAL = {"l2_regularizer": {"weight": 0.1}}, {"truncated_normal_initializer": {}}
GLOROT = {"variance_scaling_initializer": {"factor": 1.0, "uniform": True, "mode": "FAN_AVG"}}


def of_model(type_, overrides):
    """By field, what is told of fields of the model that have no effect, with an extractor of this type."""
    kind = "faster_rcnn" if type_.startswith("faster") else "center_net" if type_.startswith("resnet") else "ssd"
    config = text.parse(BUILDABLE[kind])
    apply(config, {f"model.{kind}.feature_extractor.type": type_, **overrides})
    findings = [finding for finding in lint(config) if finding.rule == "unused-field"]
    assert all(finding.level == "info" and finding.why.startswith("not used; ") for finding in findings)
    assert len({finding.field for finding in findings}) == len(findings)
    return {finding.field: finding.why for finding in findings}


@pytest.mark.parametrize(
    ("type_", "field", "value", "why"),
    [
        ("ssd_mobilenet_v1", f"{SSD}.implicit_example_weight", 0.5, "confidences"),
        ("ssd_mobilenet_v1", f"{SSD}.loss.min_num_negative_samples", 5.0, "expected_loss_weights"),
        ("ssd_mobilenet_v1", f"{SSD}.loss.equalization_loss", {}, "its weight is 0"),
        ("ssd_mobilenet_v1", f"{SSD}.loss.classification_loss.weighted_sigmoid.anchorwise_output", True, "OD API"),
        ("ssd_mobilenet_v1", f"{SSD}.loss.localization_loss.weighted_smooth_l1.anchorwise_output", True, "OD API"),
        ("ssd_mobilenet_v1", f"{SSD}.loss.localization_loss.weighted_l2.anchorwise_output", True, "OD API"),
        ("ssd_mobilenet_v1", f"{SSD}.matcher.argmax_matcher.use_matmul_gather", True, "not what"),
        ("ssd_mobilenet_v1", f"{SSD}.{SUPPRESSION}.use_hard_nms", True, "not what"),
        ("ssd_mobilenet_v1", f"{SSD}.feature_extractor.conv_hyperparams.regularize_depthwise", True, "OD API"),
        ("ssd_mobilenet_v1_ppn", f"{SSD}.feature_extractor.conv_hyperparams", {"activation": "RELU_6"}, "no layers"),
        ("ssd_mobilenet_v1_fpn", f"{SSD}.{TOWERS}.conv_hyperparams.activation", "SWISH", "always has ReLU6"),
        ("ssd_mobilenet_v1_fpn", f"{SSD}.{TOWERS}.apply_conv_hyperparams_to_heads", True, "use_depthwise"),
        ("ssd_mobilenet_v1_fpn_keras", f"{SSD}.{TOWERS}.apply_conv_hyperparams_pointwise", True, "use_depthwise"),
        (
            "ssd_mobilenet_v2_keras",
            f"{SSD}.box_predictor.convolutional_box_predictor.apply_sigmoid_to_scores",
            True,
            "TF2's head",
        ),
        ("ssd_efficientnet-b0_bifpn_keras", f"{SSD}.feature_extractor.bifpn.use_native_resize_op", True, "OD API"),
        ("faster_rcnn_resnet50", f"{STAGES}.{RPN}.activation", "SWISH", "always has ReLU6"),
        ("faster_rcnn_resnet50_keras", f"{STAGES}.{RPN}.activation", "SWISH", "always has ReLU6"),
        ("faster_rcnn_resnet50_keras", f"{STAGES}.{RPN}.op", "FC", "TF2 models do not read it"),
        ("ssd_mobilenet_v2_keras", f"{SSD}.feature_extractor.conv_hyperparams.op", "FC", "TF2 models do not read it"),
        ("faster_rcnn_resnet50_keras", f"{STAGES}.{RPN}.batch_norm.train", False, "always trains"),
        ("faster_rcnn_resnet50_keras", f"{STAGES}.{REGIONS}.fc_hyperparams.regularizer", L2, "no penalty"),
        ("faster_rcnn_resnet50_keras", f"{STAGES}.{REGIONS}.fc_hyperparams.initializer", NORMAL, "Glorot"),
        ("faster_rcnn_resnet50", f"{STAGES}.{REGIONS}.fc_hyperparams.activation", "SWISH", "last layers"),
        ("faster_rcnn_resnet50", f"{STAGES}.{REGIONS}.conv_hyperparams", {"regularize_depthwise": True}, "masks"),
        ("faster_rcnn_resnet50", f"{STAGES}.{REGIONS}.mask_height", 33, "masks"),
        ("faster_rcnn_resnet50", f"{STAGES}.resize_masks", False, "masks"),
        (
            "faster_rcnn_resnet50",
            f"{STAGES}.second_stage_{SUPPRESSION}.change_coordinate_frame",
            False,
            "frame of the image",
        ),
        ("faster_rcnn_resnet50", f"{STAGES}.use_matmul_crop_and_resize", True, "not what"),
        ("faster_rcnn_resnet50", f"{STAGES}.feature_extractor.fpn", {"max_level": 6}, "a feature pyramid"),
        ("faster_rcnn_resnet50", f"{STAGES}.feature_extractor.pad_to_multiple", 16, "a feature pyramid"),
        ("faster_rcnn_resnet50", f"{STAGES}.output_final_box_features", True, "without features"),
        ("resnet_v1_50_fpn", "model.center_net.keypoint_label_map_path", "a.pbtxt", "no keypoints"),
        (
            "resnet_v1_50_fpn",
            "model.center_net.object_center_params.keypoint_weights_for_center",
            [1.0],
            "no keypoints",
        ),
        ("resnet_v1_50_fpn", "model.center_net.post_processing.score_converter", "SIGMOID", "does not convert"),
    ],
)
def test_a_field_of_the_model_without_effect_is_told(type_, field, value, why):
    told = of_model(type_, {field: value})
    assert list(told) == [field] and why in told[field]


@pytest.mark.parametrize(
    ("type_", "overrides"),
    [
        # What is read there, or done anyway, or of no consequence.
        ("ssd_mobilenet_v1", {f"{SSD}.inplace_batchnorm_update": True}),
        ("ssd_mobilenet_v1", {f"{SSD}.box_predictor.convolutional_box_predictor.apply_sigmoid_to_scores": True}),
        ("ssd_mobilenet_v1", {f"{SSD}.box_predictor.convolutional_box_predictor.use_dropout": False}),
        ("ssd_mobilenet_v1", {f"{SSD}.feature_extractor.conv_hyperparams.activation": "RELU_6"}),
        ("ssd_mobilenet_v1_fpn", {f"{SSD}.{TOWERS}.conv_hyperparams.activation": "RELU_6"}),
        ("ssd_mobilenet_v1_fpn_keras", {f"{SSD}.{TOWERS}.conv_hyperparams.activation": "SWISH"}),
        (
            "ssd_mobilenet_v1_fpn_keras",
            {f"{SSD}.{TOWERS}.apply_conv_hyperparams_to_heads": True, f"{SSD}.{TOWERS}.use_depthwise": True},
        ),
        ("faster_rcnn_resnet50", {f"{STAGES}.{RPN}.activation": "RELU_6"}),
        ("faster_rcnn_resnet50_keras", {f"{STAGES}.{REGIONS}.fc_hyperparams.op": "FC"}),
        ("faster_rcnn_resnet50", {f"{STAGES}.{RPN}.batch_norm.train": False}),
        ("faster_rcnn_resnet50", {f"{STAGES}.{REGIONS}.fc_hyperparams.regularizer": L2}),
        ("faster_rcnn_resnet50_keras", {f"{STAGES}.{REGIONS}.fc_hyperparams.initializer": GLOROT}),
        (
            "faster_rcnn_resnet50_keras",
            {f"{STAGES}.{REGIONS}.fc_hyperparams.regularizer.l2_regularizer.weight": 0.0},
        ),
        (
            "faster_rcnn_resnet50",
            {f"{STAGES}.number_of_stages": 1, f"{STAGES}.second_stage_{SUPPRESSION}.change_coordinate_frame": False},
        ),
        # As the OD API wants it, which takes nothing else there.
        ("resnet_v1_50_fpn", {f"model.center_net.{SUPPRESSION}.change_coordinate_frame": False}),
        # Refused.
        ("ssd_mobilenet_v1", {f"{SSD}.{SUPPRESSION}.use_hard_nms": True, f"{SSD}.{SUPPRESSION}.soft_nms_sigma": 0.5}),
        # Told by another rule, as a block that the extractor does not read.
        ("ssd_spaghettinet", {f"{SSD}.feature_extractor.conv_hyperparams.regularize_depthwise": True}),
    ],
)
def test_a_field_of_the_model_with_its_effect_is_not_told(type_, overrides):
    assert of_model(type_, overrides) == {}


def test_rfcn_cuts_no_features_out():
    rfcn = {f"{STAGES}.second_stage_box_predictor.rfcn_box_predictor": {}}
    assert list(of_model("faster_rcnn_resnet50", rfcn)) == [f"{STAGES}.initial_crop_size"]


def test_what_is_said_to_be_read_is_read():
    """The names of fields that count as read occur in the code, apart from the modules that list them."""
    library = Path(lint_unread.__file__).parents[1]
    listing = {Path(lint_unread.__file__), library / "pipeline/identity.py"}
    code = "".join(path.read_text() for path in library.rglob("*.py") if path not in listing)
    always = {"include_metrics_per_category", "all_metrics_per_category"}
    missing = {name for names in lint_unread.READ.values() for name in names - always if name not in code}
    assert missing == set()


def test_no_advice_is_the_value_that_is_set():
    """In runs of any length, from scratch, with any decay of batch norm's averages."""
    base = "model.ssd.feature_extractor"
    scratch = {
        "train_config.fine_tune_checkpoint": None,
        "model.ssd.freeze_batchnorm": False,
        f"{base}.override_base_feature_extractor_hyperparams": True,
        f"{base}.conv_hyperparams.batch_norm.train": True,
    }
    for steps in (1, 2, 4, 10, 40, 50, 51, 60, 200):
        for decay in (0.1, 0.3, 0.9, 0.99, 0.997):
            overrides = {
                f"{base}.conv_hyperparams.batch_norm.decay": decay,
                "train_config.num_steps": steps,
                f"{COSINE}.total_steps": steps,
                f"{COSINE}.warmup_steps": 0,
            }
            for finding in found(scratch | overrides):
                assert finding.use != finding.value or finding.use is None, finding
                if finding.rule == "slow-averages" and steps <= 50:
                    assert finding.use is None
                    assert finding.why.endswith("; train longer, since no decay suits so few steps")
                elif finding.rule == "slow-averages":
                    better = {f"{base}.conv_hyperparams.batch_norm.decay": finding.use}
                    rules = {one.rule for one in found(scratch | overrides | better)}
                    assert "slow-averages" not in rules, (steps, decay, finding.use)


def test_metrics_that_are_not_measured_are_left_out_where_others_are():
    finding = only({"eval_config.metrics_set": ["pascal_voc_detection_metrics", "coco_mask_metrics"]})
    assert (finding.rule, finding.field, finding.use) == ("unmeasured-metrics", "eval_config.metrics_set.1", None)


def test_the_name_of_a_metric_is_advised_only_where_it_is_a_misspelling():
    finding = only({"eval_config.metrics_set": ["coco_detection_metric"]})
    assert (finding.rule, finding.use) == ("unknown-metrics", "coco_detection_metrics")
    assert only({"eval_config.metrics_set": ["my_metrics"]}).use is None


def test_the_type_of_a_checkpoint_is_advised_only_where_it_is_a_misspelling():
    assert only({"train_config.fine_tune_checkpoint_type": "detecton"}).use == "detection"
    finding = only({"train_config.fine_tune_checkpoint_type": "weights"})
    assert finding.use is None and "the types are classification, detection" in finding.why


@pytest.mark.parametrize(
    "miner",
    [
        {"num_hard_examples": 3000, "max_negatives_per_positive": 3},  # more than there are anchors
        {"num_hard_examples": 0, "max_negatives_per_positive": 3},  # no limit
        {"num_hard_examples": 64},  # the hardest of all, as the schema has it
    ],
)
def test_a_miner_that_sees_all_anchors_or_means_the_hardest_alone_is_no_finding(miner):
    assert not found({"model.ssd.loss.hard_example_miner": miner})


def test_a_larger_input_has_more_anchors_than_the_miner_of_the_template_looks_at():
    size = "model.ssd.image_resizer.fixed_shape_resizer"
    config = text.read_document(str(TEMPLATES / "ssd_mobilenet_v1.config")).config
    assert "few-hard-examples" not in [finding.rule for finding in lint(config)]
    apply(config, {f"{size}.height": 448, f"{size}.width": 448})
    (finding,) = [finding for finding in lint(config) if finding.rule == "few-hard-examples"]
    assert (finding.value, finding.use) == (3000, 0) and "3,948 anchors" in finding.why


def test_an_override_accepts_a_finding():
    overrides = {f"{COSINE}.total_steps": 5000}
    (finding,) = accept(found(overrides), overrides)
    assert finding.level == "info" and "accepted" in finding.why
    (finding,) = accept(found(overrides), {"train_config.optimizer": {}})
    assert finding.level == "info"
    (finding,) = accept(found(overrides), {f"{COSINE}.total": 1})
    assert finding.level == "warning"
    overrides = {"model.ssd.feature_extractor.type": "ssd_pnasnet"}
    (finding,) = accept(found(overrides), overrides)
    assert finding.level == "error", "the engine refuses it all the same"
    overrides = {"train_config.fine_tune_checkpoint_type": "detecton"}
    (finding,) = accept(found(overrides), overrides)
    assert finding.level == "error", "reading the checkpoint would fail"


def test_masks_are_an_info_and_no_more(shared):
    found = lint(text.read(shared / "odapi" / "configs" / "mask_rcnn_resnet50_atrous_coco.config"))
    masks = {finding.field.rsplit(".", 1)[-1]: finding for finding in found if finding.rule == "masks-not-trained"}
    assert masks.keys() == {"number_of_stages", "predict_instance_masks"}
    assert {finding.level for finding in masks.values()} == {"info"}
    assert (masks["number_of_stages"].value, masks["number_of_stages"].use) == (3, 2)
    assert not [finding for finding in found if finding.level == "error"]


def test_published_schedules_that_never_change(shared):
    never = {}
    for path in sorted((shared / "odapi" / "configs").glob("*.config")):
        rules = {finding.rule for finding in lint(text.read(path))}
        never[path.stem] = "constant-learning-rate" in rules
        assert "pod-learning-rate" not in rules, path.name
        assert "impossible-value" not in rules, path.name
    # By the recorded table: manual steps from 900k with 200k steps (6), exponential decay_steps 800720 with 200k (6).
    assert sum(never.values()) == 12
    assert never["ssd_mobilenet_v1_pets"] and never["faster_rcnn_resnet101_pets"]
    assert not never["faster_rcnn_resnet101_voc07"] and not never["ssd_mobilenet_v2_320x320_coco17_tpu-8"]


def test_schedules_that_the_od_api_refuses_are_refused(shared):
    tables = json.loads((shared / "parity" / "optimizer_steps" / "golden.json").read_text())["learning_rate_tables"]
    assert sum("refused" in table for table in tables.values()) == 5
    for name, table in tables.items():
        config = text.parse(
            "model { ssd { num_classes: 1 } } "
            "train_config { num_steps: 100 optimizer { adam_optimizer { learning_rate { "
            f"{table['config']} }} }} }} }}"
        )
        rules = {finding.rule for finding in lint(config)}
        assert ("impossible-value" in rules) == table.get("refused", False), name


def test_first_decay_is_where_the_recorded_rate_first_falls(shared):
    from boxwright.pipeline.schedule import base_rate, first_decay

    tables = json.loads((shared / "parity" / "optimizer_steps" / "golden.json").read_text())["learning_rate_tables"]
    checked = 0
    for name, table in tables.items():
        if table.get("refused") or "min_above_burnin" in name:
            continue
        rate = text.parse(table["config"], kind="LearningRate")
        schedule = getattr(rate, rate.WhichOneof("learning_rate"))
        values, first = table["values"], first_decay(schedule)
        if first is None:
            assert len(set(values)) == 1, name
            continue
        base = base_rate(schedule)[0]
        reached = next(step for step, value in enumerate(values) if value == pytest.approx(base, rel=1e-6))
        left = [step for step in range(reached, len(values)) if values[step] != pytest.approx(base, rel=1e-7)]
        assert left[0] == first, name
        checked += 1
    assert checked >= 12


def test_rates_that_come_down_in_time_are_no_finding():
    schedule = {"initial_learning_rate": 0.004, "schedule": [{"step": 900, "learning_rate": 4e-4}]}
    assert found({f"{RATE}.manual_step_learning_rate": schedule}) == []
    schedule = {"initial_learning_rate": 0.0001, "warmup": True, "schedule": [{"step": 90, "learning_rate": 0.004}]}
    assert found({f"{RATE}.manual_step_learning_rate": schedule}) == [], "a warm-up to a constant rate is meant"


def test_a_finding_says_field_value_reason_and_remedy():
    said = str(only({"train_config.batch_size": 64}))
    assert said == (
        "warning pod-batch: train_config.batch_size is 64: a batch for a TPU pod, too large for most machines, and the "
        "learning rate of 0.004 is made for it; a batch of 8 needs a rate of 0.0005, and a model's `batch_size` scales "
        "the rates this way. Use 8 for batch_size."
    )


def test_errors_come_first_and_an_empty_file_is_told():
    findings = found({"eval_input_reader.0.shuffle": True, "eval_config.use_moving_averages": True})
    assert [finding.level for finding in findings] == ["error", "warning"]
    with pytest.raises(UserError, match="has no model"):
        lint(text.parse(""))


def test_other_meta_architectures_are_named():
    experimental = text.parse("model { experimental_model { name: 'x' } }")
    assert lint(experimental)[0].field == "model.experimental_model.name"


def test_lint_does_not_start_tensorflow():
    code = "import sys; import boxwright.cli; print(any(name.split('.')[0] == 'tensorflow' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_averages_that_forget_too_slowly_for_a_short_training_from_scratch():
    base = "model.ssd.feature_extractor.override_base_feature_extractor_hyperparams"
    decay = "model.ssd.feature_extractor.conv_hyperparams.batch_norm.decay"
    train = "model.ssd.feature_extractor.conv_hyperparams.batch_norm.train"
    scratch = {"train_config.fine_tune_checkpoint": "", "model.ssd.freeze_batchnorm": False, train: True}
    finding = only(scratch)
    assert (finding.rule, finding.field, finding.use) == ("slow-averages", base, True)
    assert "at step 1000 they still have 74% of their initial values" in finding.why
    assert finding.why.endswith("decay counts, which is 0.999, so set that to 0.995 too")  # 0.999: it is not set
    finding = only(scratch | {decay: 0.9997})
    told = "; then conv_hyperparams.batch_norm.decay counts, which is 0.9997, so set that to 0.995 too"
    assert finding.use is True and finding.why.endswith(told)
    assert found(scratch | {base: True, decay: 0.995}) == []
    quick = only(scratch | {decay: 0.9})
    assert quick.use is True and "set that to" not in quick.why
    finding = only(scratch | {base: True, decay: 0.9997})
    assert (finding.rule, finding.field, finding.value, finding.use) == ("slow-averages", decay, 0.9997, 0.995)
    assert found(scratch | {base: True, decay: finding.use}) == []
    assert found(scratch | {"train_config.num_steps": 20000, f"{COSINE}.total_steps": 20000}) == []


def center_net(**more):
    """Findings on the template, with changed fields."""
    config = text.read(Path(__file__).parents[3] / "config/pipelines/centernet_resnet50_v1_fpn.config")
    apply(config, more)
    return config


def test_a_family_without_anchors_has_no_lint_of_them_and_limits_of_its_own():
    facts = Facts(max_objects=250, max_objects_of_class=120, anchor_coverage=None)
    most = "object_center_params.max_box_predictions"
    assert told(lint(center_net(), facts)) == {("too-few-detections", f"model.center_net.{most}", 100, 250)}
    assert lint(center_net(**{f"model.center_net.{most}": 250}), facts) == []
    nms = "model.center_net.post_processing.batch_non_max_suppression"
    limits = {f"{nms}.max_total_detections": 200, f"{nms}.max_detections_per_class": 110}
    assert told(lint(center_net(**limits), facts)) >= {
        ("too-few-detections", f"{nms}.max_total_detections", 200, 250),
        ("too-few-detections", f"{nms}.max_detections_per_class", 110, 120),
    }


def test_averages_of_a_network_without_settings_that_forget_too_slowly():
    kind = "model.center_net.feature_extractor.type"
    scratch = {"train_config.fine_tune_checkpoint": ""}
    assert lint(center_net(**scratch)) == []
    (finding,) = lint(center_net(**scratch, **{kind: "mobilenet_v2_fpn"}))
    assert (finding.rule, finding.field, finding.use) == ("slow-averages", kind, None)
    assert lint(center_net(**{kind: "mobilenet_v2_fpn"})) == []


def test_averages_of_two_stages_that_forget_too_slowly():
    def slow(template, steps, checkpoint=""):
        config = text.read(Path(__file__).parents[3] / f"config/pipelines/{template}.config")
        config.model.faster_rcnn.feature_extractor.batch_norm_trainable = True
        config.train_config.fine_tune_checkpoint = checkpoint
        config.train_config.num_steps = steps
        return [finding.field for finding in lint(config) if finding.rule == "slow-averages"]

    inception = "faster_rcnn_inception_v2"
    assert slow(inception, 2500) == ["model.faster_rcnn.feature_extractor.batch_norm_trainable"]
    assert slow(inception, 2500, "model.ckpt") == slow(inception, 14000) == slow("faster_rcnn_resnet50", 2500) == []


def test_images_without_an_anchor_inside(shared):
    config = text.read(shared / "odapi" / "configs" / "faster_rcnn_resnet50_coco.config")
    field = "model.faster_rcnn.first_stage_anchor_generator.grid_anchor_generator"
    (finding,) = [found for found in lint(config, Facts(anchorless=(40, 60))) if found.rule == "no-anchors"]
    assert (finding.level, finding.field) == ("warning", field) and "40x60 pixels" in finding.why

    fixed = text.read(shared / "odapi" / "configs" / "faster_rcnn_resnet50_v1_640x640_coco17_tpu-8.config")
    fixed.model.faster_rcnn.clip_anchors_to_image = False
    fixed.model.faster_rcnn.feature_extractor.type = "faster_rcnn_resnet50"
    for side, expected in [(640, 0), (40, 1)]:
        resizer = "model.faster_rcnn.image_resizer.keep_aspect_ratio_resizer"
        apply(fixed, {f"{resizer}.min_dimension": side, f"{resizer}.max_dimension": side})
        assert [found.rule for found in lint(fixed)].count("no-anchors") == expected, "known without data"


def test_what_an_extractor_does_not_read_is_said():
    config = text.read(TEMPLATES / "ssd_resnet50_v1_fpn_320.config")
    assert lint(config) == []
    config.model.ssd.feature_extractor.fpn.additional_layer_depth = 128
    (finding,) = lint(config)
    assert (finding.level, finding.rule, finding.value, finding.use) == ("info", "ignored-field", 128, 256)
    assert finding.field == "model.ssd.feature_extractor.fpn.additional_layer_depth"
    config.model.ssd.feature_extractor.type = "ssd_resnet50_v1_fpn"
    assert "ignored-field" not in {finding.rule for finding in lint(config)}

    config = text.read(TEMPLATES / "ssd_mobilenet_v1.config")
    config.model.ssd.image_resizer.fixed_shape_resizer.height = 256
    config.model.ssd.image_resizer.fixed_shape_resizer.width = 256
    config.model.ssd.feature_extractor.type = "embedded_ssd_mobilenet_v1"
    config.model.ssd.anchor_generator.ssd_anchor_generator.num_layers = 5
    assert "ignored-field" not in {finding.rule for finding in lint(config)}
    config.model.ssd.feature_extractor.num_layers = 6
    (finding,) = [finding for finding in lint(config) if finding.rule == "ignored-field"]
    assert (finding.field, finding.use) == ("model.ssd.feature_extractor.num_layers", 5)


def test_freezing_batch_norm_freezes_all_of_a_tf2_model():
    config = text.read(TEMPLATES / "ssd_mobilenet_v2_fpnlite_320.config")
    assert config.model.ssd.freeze_batchnorm
    assert lint(config) == []
    config.model.ssd.feature_extractor.type = "ssd_mobilenet_v2_fpn"
    predictor, levels = "box_predictor.weight_shared_convolutional_box_predictor", ("warning", "info")
    fields = [f"model.ssd.{part}.conv_hyperparams.batch_norm.train" for part in ("feature_extractor", predictor)]
    told = {finding.field: (finding.rule, finding.level, finding.use) for finding in lint(config)}
    assert told == {field: ("batch-norm-not-frozen", level, False) for field, level in zip(fields, levels, strict=True)}
    apply(config, dict.fromkeys(fields, False))
    assert lint(config) == []


# A backbone of each kind, and the levels of its pyramid.
NETWORKS = {
    "ssd_mobilenet_v1": None,
    "ssd_mobilenet_v2_keras": None,
    "ssd_mobilenet_v3_small": None,
    "ssd_mobiledet_cpu": None,
    "ssd_spaghettinet": None,
    "ssd_inception_v2": None,
    "ssd_mobilenet_v1_ppn": None,
    "ssd_mobilenet_v2_fpn": "fpn { min_level: 3 max_level: 6 additional_layer_depth: 8 }",
    "ssd_mobilenet_v2_fpn_keras": "fpn { min_level: 3 max_level: 6 additional_layer_depth: 8 }",
    "ssd_mobilenet_v2_mnasfpn": "fpn { min_level: 3 max_level: 6 additional_layer_depth: 8 }",
    "ssd_resnet50_v1_fpn": "fpn { min_level: 3 max_level: 6 additional_layer_depth: 8 }",
    "ssd_efficientnet-b0_bifpn_keras": "bifpn { min_level: 3 max_level: 6 num_iterations: 1 num_filters: 16 }",
}
HEADS = {
    None: "convolutional_box_predictor { NORM num_layers_before_predictor: 1 min_depth: 8 max_depth: 8 }",
    **dict.fromkeys(
        {pyramid for pyramid in NETWORKS.values() if pyramid},
        "weight_shared_convolutional_box_predictor { NORM num_layers_before_predictor: 1 depth: 8 }",
    ),
}


def network(type_, freeze, train, override=False):
    """A configuration with this extractor, and batch norm wherever it can have one."""
    pyramid, norm = NETWORKS[type_], f"conv_hyperparams {{ batch_norm {{ train: {train} }} }}".lower()
    config = text.parse(CLEAN)
    ssd = config.model.ssd
    ssd.feature_extractor.CopyFrom(text.parse(f'type: "{type_}" {norm} {pyramid or ""}', kind="SsdFeatureExtractor"))
    if override or type_.startswith("ssd_inception"):
        ssd.feature_extractor.override_base_feature_extractor_hyperparams = True
    ssd.box_predictor.CopyFrom(text.parse(HEADS[pyramid].replace("NORM", norm), kind="BoxPredictor"))
    ssd.freeze_batchnorm = freeze
    levels = EXTRACTORS[type_].map_levels(ssd.feature_extractor)
    generator = f"ssd_anchor_generator {{ num_layers: {len(levels)} aspect_ratios: 1 }}"
    if pyramid:
        generator = f"multiscale_anchor_generator {{ min_level: 3 max_level: {levels[-1]} aspect_ratios: 1 }}"
    ssd.anchor_generator.CopyFrom(text.parse(generator, kind="AnchorGenerator"))
    ssd.image_resizer.fixed_shape_resizer.height = ssd.image_resizer.fixed_shape_resizer.width = 320
    return config


def not_frozen(config):
    """The fields of which it is told that they leave batch norm in training, below the model."""
    rules = [finding for finding in lint(config) if finding.rule == "batch-norm-not-frozen"]
    return [finding.field.removeprefix("model.ssd.") for finding in rules]


OVERRIDDEN = ("ssd_mobilenet_v1", "ssd_mobiledet_cpu", "ssd_resnet50_v1_fpn", "ssd_efficientnet-b0_bifpn_keras")


@pytest.mark.parametrize(
    ("type_", "override"), [(type_, False) for type_ in NETWORKS] + [(type_, True) for type_ in OVERRIDDEN]
)
def test_batch_norm_that_trains_against_the_configuration_is_told(type_, override, monkeypatch):
    """Exactly where layers of the network train it, whichever way it is asked to be frozen."""
    pytest.importorskip("tensorflow")
    from boxwright.detector import initializers, layers
    from boxwright.detector.build import build

    made: list[layers.Normalizer] = []
    init, add = layers.Normalizer.__init__, layers.Variables.add

    def kept(self, *settings, **more):
        init(self, *settings, **more)
        made.append(self)

    def zeros(self, name, shape, initializer, **more):
        return add(self, name, shape, initializers.constant(0), **more)

    monkeypatch.setattr(layers.Normalizer, "__init__", kept)
    monkeypatch.setattr(layers.Variables, "add", zeros)  # as random numbers take the time

    def training(config):
        made.clear()
        build(config.model)
        return sum(norm.train for norm in made)

    fixed, keras = EXTRACTORS[type_].batch_norm_fixed, EXTRACTORS[type_].dialect == "tf2"
    for freeze, train in [(True, False), (True, True), (False, False)]:
        config = network(type_, freeze, train, override)
        told = not_frozen(config)
        assert bool(told) == (training(config) > 0 and (freeze or keras)), (freeze, train)
        if freeze and train:
            apply(config, {f"model.ssd.{field}": False for field in told if field != "freeze_batchnorm"})
            assert (training(config) > 0) == fixed, "what is advised freezes all that can be frozen"
    frozen = not_frozen(network(type_, True, False, override))
    assert frozen == ["freeze_batchnorm"] * fixed


def test_averages_that_always_move_can_forget_too_slowly_whatever_freezes():
    config = network("ssd_mobiledet_cpu", True, False)
    config.train_config.fine_tune_checkpoint = ""
    config.train_config.num_steps = 200
    (finding,) = [finding for finding in lint(config) if finding.rule == "slow-averages"]
    assert (finding.field, finding.use) == ("model.ssd.feature_extractor.type", None) and "0.99 per" in finding.why
    config = network("ssd_mobilenet_v1", False, False, override=True)
    config.train_config.fine_tune_checkpoint = ""
    assert "slow-averages" not in {finding.rule for finding in lint(config)}, "they keep their values"


def test_a_lower_rate_is_advised_together_with_its_warm_up():
    """A warm-up above the base rate is refused."""
    high = {f"{COSINE}.learning_rate_base": 0.08, f"{COSINE}.warmup_learning_rate": 0.026}
    finding = only(high)
    assert finding.rule == "pod-learning-rate" and finding.use < 0.026
    assert "warmup_learning_rate, which is 0.026, must come down with it" in finding.why
    assert [each.level for each in found(high | {finding.field: finding.use})] == ["error"]
    lower = {f"{COSINE}.warmup_learning_rate": finding.use / 3}
    assert found(high | {finding.field: finding.use} | lower) == []
    assert "warmup" not in only(high | lower).why


@pytest.mark.parametrize("flag", [None, True])
def test_without_a_type_a_checkpoint_that_nobody_saw_is_only_told(flag):
    unset = {"train_config.fine_tune_checkpoint_type": None, "train_config.from_detection_checkpoint": flag}
    seen = only(unset, FACTS if flag else replace(FACTS, checkpoint_names=["MobilenetV1/Conv2d_0/weights"]))
    unseen = only(unset, Facts())
    assert seen.use == ("detection" if flag else "classification")
    assert unseen.use == ("detection" if flag else None)
    assert ('needs "detection"' in unseen.why) == (not flag) and 'needs "detection"' not in seen.why


def test_steps_that_begin_at_0_are_moved_without_that_entry():
    manual = f"{RATE}.manual_step_learning_rate"
    steps = [{"step": 0, "learning_rate": 1e-3}, {"step": 3000, "learning_rate": 1e-4}]
    for finding in found({f"{manual}.initial_learning_rate": 1e-3, f"{manual}.schedule": steps}):
        assert finding.rule in ("first-step", "constant-learning-rate")
        assert [entry["learning_rate"] for entry in finding.use] == [1e-4]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("random_horizontal_flip", "keypoint_flip_permutation"),
        ("random_vertical_flip", "keypoint_flip_permutation"),
        ("random_rotation90", "keypoint_rot_permutation"),
    ],
)
def test_what_an_augmentation_does_to_keypoints_is_told(name, field):
    path = "train_config.data_augmentation_options"
    finding = only({path: [{"ssd_random_crop": {}}, {name: {field: [1, 0]}}]})
    assert (finding.level, finding.rule, finding.field) == ("info", "unused-field", f"{path}.1.{name}.{field}")


def test_a_quantized_model_is_told_how_to_get_one():
    (finding,) = found({"graph_rewriter.quantization.delay": 100})
    assert finding.rule == "no-quantization" and "tflite_int8" in finding.why and finding.use is None
    assert forms.named("tflite_int8")


@pytest.mark.parametrize(("type_", "told"), [("ssd_mobilenet_v1_fpn", False), ("ssd_mobilenet_v1_fpn_keras", True)])
def test_a_pyramid_of_tf2_that_ends_below_the_coarsest_map_is_told(type_, told):
    """Its maps have other cells than its levels say."""
    config = text.parse(BUILDABLE["ssd"])
    generator = "model.ssd.anchor_generator.multiscale_anchor_generator"
    apply(
        config,
        {
            "model.ssd.feature_extractor.type": type_,
            "model.ssd.feature_extractor.fpn": {"min_level": 3, "max_level": 4},
            generator: {"min_level": 3, "max_level": 4, "aspect_ratios": [1.0]},
        },
    )
    found = [finding for finding in lint(config) if finding.rule == "anchor-level"]
    assert [(each.field, each.value, each.use) for each in found] == (
        [("model.ssd.feature_extractor.fpn.max_level", 4, 5)] if told else []
    )
    assert not told or "levels 4 to 5 for those of 3 to 4" in found[0].why


@pytest.mark.parametrize(("kernel", "depthwise", "told"), [(1, True, True), (3, True, False), (1, False, False)])
def test_a_depthwise_kernel_of_one_pixel_is_told_and_not_refused(kernel, depthwise, told):
    config = text.parse(BUILDABLE["ssd"])
    head = "model.ssd.box_predictor.convolutional_box_predictor"
    apply(config, {f"{head}.kernel_size": kernel, f"{head}.use_depthwise": depthwise})
    found = [(each.level, each.field, each.use) for each in lint(config) if "kernel_size" in each.field]
    assert found == ([("warning", f"{head}.kernel_size", 3)] if told else [])
