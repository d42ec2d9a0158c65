"""Mutants of pipeline.config, read, linted and fitted to a run. Independent reading: protobuf with the schema alone."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import strategies as st

from boxwright import protos
from boxwright.catalog.findings import Facts
from boxwright.core.errors import UserError
from boxwright.pipeline import coverage
from boxwright.pipeline.lint import lint
from boxwright.pipeline.patch import patch
from boxwright.pipeline.text import Document, parse_document, to_text
from tests.fuzz.fuzzing import fuzz, told
from tests.fuzz.mutations import NUMBERS, ODD_TEXT, listed, mutants

# Protobuf's parser of text warns of odd escapes.
pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence")

SSD = """model { ssd { num_classes: 2 image_resizer { fixed_shape_resizer { height: 64 width: 64 } }
feature_extractor { type: "ssd_mobilenet_v1" depth_multiplier: 0.25 min_depth: 8 conv_hyperparams {
activation: RELU_6 regularizer { l2_regularizer { weight: 4e-05 } }
initializer { truncated_normal_initializer { stddev: 0.05 } } batch_norm { decay: 0.9 } } }
box_coder { faster_rcnn_box_coder { } } matcher { argmax_matcher { matched_threshold: 0.5 } }
similarity_calculator { iou_similarity { } } box_predictor { convolutional_box_predictor { kernel_size: 1 } }
anchor_generator { ssd_anchor_generator { num_layers: 6 aspect_ratios: [1.0, 2.0, 0.5] } }
post_processing { batch_non_max_suppression { iou_threshold: 0.6 } score_converter: SIGMOID }
loss { localization_loss { weighted_smooth_l1 { } } classification_loss { weighted_sigmoid { } } } } }
"""
FASTER_RCNN = """model { faster_rcnn { num_classes: 3 image_resizer { keep_aspect_ratio_resizer {
min_dimension: 60 max_dimension: 100 } } feature_extractor { type: 'faster_rcnn_resnet50'
first_stage_features_stride: 16 }
first_stage_anchor_generator { grid_anchor_generator { scales: [0.25, 0.5] aspect_ratios: 1 height_stride: 16 } }
first_stage_box_predictor_conv_hyperparams { op: CONV } first_stage_max_proposals: 30 initial_crop_size: 14
maxpool_kernel_size: 2 maxpool_stride: 2 second_stage_box_predictor { mask_rcnn_box_predictor { use_dropout: false } }
second_stage_post_processing { score_converter: SOFTMAX } } }
"""
TRAIN = """train_config { batch_size: 4 num_steps: 100 optimizer { momentum_optimizer { learning_rate {
cosine_decay_learning_rate { learning_rate_base: .04 total_steps: 100 warmup_steps: 10 } } } }
data_augmentation_options { random_horizontal_flip { } } # flips
data_augmentation_options { ssd_random_crop { operations { min_object_covered: 0.1 } } }
fine_tune_checkpoint: "zoo\\\\x" } eval_config { metrics_set: "coco_detection_metrics" }
train_input_reader: < label_map_path: 'map' 'path'; tf_record_input_reader { input_path: "a" } >
eval_input_reader { shuffle: false }
"""
RMS = """train_config { optimizer { rms_prop_optimizer { learning_rate { exponential_decay_learning_rate {
initial_learning_rate: 0.004 decay_steps: 800720 decay_factor: 0.95 } } } } max_number_of_boxes: 100 }
eval_config { num_examples: 8000 } eval_config { max_evals: 10 }
"""
MANUAL = """train_config { optimizer { momentum_optimizer { learning_rate { manual_step_learning_rate {
schedule { step: 0 learning_rate: .1 } schedule { step: 90000 learning_rate: .01 } } } } } }
"""
SEEDS = [text.encode() for text in (SSD + TRAIN, FASTER_RCNN + RMS, SSD + MANUAL)]
WORDS = [
    *listed("{|}|<|>|[|]|:|,|;|#|'|\\|/* x */|model {|ssd {|faster_rcnn {|[a.b.c] {|[type.googleapis.com/x] {"),
    *listed(
        "optimizer { adam_optimizer {|multiscale_anchor_generator {|identity_resizer {}|batch_norm_trainable: true"
    ),
    *('"', "// x\n", "pad_to_multiple_resizer { multiple: 0 }", "a{" * 300),
]


def _paths(descriptor: Descriptor, above: tuple[Descriptor, ...] = ()) -> list[tuple[FieldDescriptor, ...]]:
    """The ways from a message down to each field that is a number, a text or a choice."""
    found: list[tuple[FieldDescriptor, ...]] = []
    for field in descriptor.fields:
        if field.message_type is None:
            found.append((field,))
        elif field.message_type not in above and not field.message_type.GetOptions().map_entry:
            found += [(field, *rest) for rest in _paths(field.message_type, (*above, descriptor))]
    return found


_ROOT = protos.TrainEvalPipelineConfig.DESCRIPTOR
_DOWN = [path for path in _paths(_ROOT) if len(path) < 9 and path[0].name in ("model", "train_config", "eval_config")]
# Fields of the three seeds' own blocks are worth more changes than those of parts that are not there.
_NEAR = [path for path in _DOWN if len(path) < 2 or path[1].name not in ("center_net", "context_rcnn")]
_integer = st.sampled_from([0, 1, -1, 2, 3, 7, 1000, 10**6, 2**31 - 1, -(2**31)])
_float = st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, math.inf, -math.inf, math.nan, 1.5, 3.0])
_string = st.sampled_from(["", "x", "ssd_mobilenet_v2", "faster_rcnn_resnet101", "/dev/zero", *ODD_TEXT])


def _value(field: FieldDescriptor) -> st.SearchStrategy:
    if field.enum_type:
        return st.sampled_from([value.number for value in field.enum_type.values])
    kinds = {field.CPPTYPE_BOOL: st.booleans(), field.CPPTYPE_STRING: _string}
    floats = (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE)
    return kinds.get(field.cpp_type, _float if field.cpp_type in floats else _integer)


@st.composite
def _changed(draw: Callable) -> bytes:
    """A sound configuration with some fields of the schema set to odd values."""
    message = text_format.Merge(draw(st.sampled_from(SEEDS)).decode(), protos.TrainEvalPipelineConfig())
    for _ in range(draw(st.integers(1, 5))):
        *blocks, leaf = draw(st.sampled_from(_NEAR))
        place: Any = message
        for block in blocks:
            place = getattr(place, block.name)
            if block.is_repeated:
                place = place.add() if not place or draw(st.booleans()) else place[0]
        value = draw(_value(leaf))
        if leaf.type in (leaf.TYPE_UINT32, leaf.TYPE_UINT64):
            value = abs(value) % 2**32
        if leaf.is_repeated:
            getattr(place, leaf.name).append(value)
        else:
            setattr(place, leaf.name, value)
    return text_format.MessageToString(message, as_utf8=True).encode()


_numbered = st.builds(
    lambda seed, old, new: seed.replace(old.encode(), new.encode()),
    st.sampled_from(SEEDS),
    st.sampled_from(["64", "6 ", "0.5", "1.0", "100", "16", "0.05", ".04", "2"]),
    st.sampled_from(NUMBERS),
)
BOXES = np.array([[0.1, 0.1, 0.5, 0.6], [0.0, 0.0, 1.0, 1.0]]), np.array([[48, 64], [2000, 3000]])


def _run(document: Document) -> None:
    """Everything that a plan does with a configuration."""
    config = document.config
    fitted, _ = patch(
        config, num_classes=2, label_map_path="map", train_records=["t"], eval_records=["e"], num_steps=50, batch_size=8
    )
    for one in (config, fitted):
        facts = Facts(
            num_classes=2,
            max_boxes=3,
            anchor_coverage=coverage.share(one, *BOXES),
            anchorless=coverage.anchorless(one, BOXES[1]),
            checkpoint_names=["FeatureExtractor/MobilenetV1/Conv2d_0/weights"],
        )
        for finding in lint(one, facts):
            assert document.place(finding.field) and str(finding).isprintable()
    assert to_text(parse_document(to_text(fitted)).config) == to_text(fitted)


@fuzz(mutants(SEEDS, words=WORDS, text=True) | _changed() | _numbered)
def test_pipeline_config(data: bytes) -> None:
    """The message is the one that protobuf reads, or one error tells what is wrong."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    got = told(parse_document, text)
    try:
        other = text_format.Merge(text, protos.TrainEvalPipelineConfig())
    except (text_format.ParseError, RecursionError):
        other = None
    if isinstance(got, UserError):
        # Protobuf reads zeros inside a string.
        damaged = "\0" in text and "zeros in the text" in str(got)
        assert other is None or damaged or "field more than once" in str(got), got
        return
    if not got.notes:
        assert other is not None, "read, although protobuf reads nothing"
    if other is not None:
        assert to_text(got.config) == to_text(other)  # as text, in which nan equals nan
    told(_run, got)


def test_seeds_are_read() -> None:
    """The seeds are read without a note on a lost field, so that the mutants of them come near."""
    for data in SEEDS:
        _run(parse_document(data.decode()))
