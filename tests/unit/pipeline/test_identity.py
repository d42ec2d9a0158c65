"""What decides a training, and what an evaluation."""

import pytest

from boxwright.pipeline import text
from boxwright.pipeline.identity import anchor_identity, evaluation_identity, training_identity
from boxwright.pipeline.overrides import apply
from boxwright.pipeline.patch import patch

CONFIG = """
model { ssd {
  num_classes: 3
  feature_extractor { type: "ssd_mobilenet_v1" conv_hyperparams { batch_norm { decay: 0.9997 } } }
  loss { classification_loss { weighted_sigmoid {} } }
  post_processing { score_converter: SIGMOID batch_non_max_suppression { iou_threshold: 0.6 } }
} }
train_config { batch_size: 8 num_steps: 100 fine_tune_checkpoint: "a/model.ckpt" from_detection_checkpoint: true
  optimizer { adam_optimizer { learning_rate { constant_learning_rate { learning_rate: 0.002 } } } }
  data_augmentation_options { random_horizontal_flip {} } data_augmentation_options { ssd_random_crop {} } }
train_input_reader { label_map_path: "a" tf_record_input_reader { input_path: "b" } }
eval_config { metrics_set: "coco_detection_metrics" }
eval_input_reader { label_map_path: "a" shuffle: false tf_record_input_reader { input_path: "c" } }
"""


def identities(overrides=None, source=CONFIG):
    config = text.parse(source)
    apply(config, overrides or {})
    return training_identity(config), evaluation_identity(config)


@pytest.mark.parametrize(
    ("path", "value", "training", "evaluation"),
    [
        ("train_config.num_steps", 200, False, False),
        ("train_config.fine_tune_checkpoint", "b/model.ckpt", False, False),
        ("train_config.keep_checkpoint_every_n_hours", 1, False, False),
        ("train_input_reader.label_map_path", "x", False, False),
        ("train_input_reader.tf_record_input_reader.input_path", ["x", "y"], False, False),
        ("eval_input_reader.0.tf_record_input_reader.input_path", ["x"], False, False),
        ("train_input_reader.num_readers", 1, False, False),
        ("eval_config.metrics_set", ["pascal_voc_detection_metrics"], False, True),
        ("eval_config.use_moving_averages", True, False, True),
        ("eval_input_reader.0.max_number_of_boxes", 300, False, True),
        ("model.ssd.post_processing.batch_non_max_suppression.iou_threshold", 0.5, False, True),
        ("model.ssd.num_classes", 4, True, True),
        ("model.ssd.loss.classification_loss.weighted_sigmoid_focal", {}, True, True),
        ("train_config.batch_size", 4, True, False),
        ("train_config.fine_tune_checkpoint_type", "classification", True, False),
        ("train_config.load_all_detection_checkpoint_vars", True, True, False),
        ("train_config.optimizer.use_moving_average", False, True, False),
        ("train_config.data_augmentation_options.1", None, True, False),
        ("train_config.freeze_variables", ["a"], True, False),
        ("train_input_reader.max_number_of_boxes", 300, True, False),
        ("graph_rewriter.quantization.delay", 5, True, False),
    ],
)
def test_what_a_field_decides(path, value, training, evaluation):
    before, after = identities(), identities({path: value})
    assert (before[0] != after[0], before[1] != after[1]) == (training, evaluation)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("num_classes: 3", "num_classes: 3 freeze_batchnorm: false"),
        ("learning_rate: 0.002", ""),
        ("score_converter: SIGMOID", "score_converter: SIGMOID  # converted\n"),
        ("batch_size: 8 num_steps: 100", "num_steps: 100, batch_size: 8;"),
        ("from_detection_checkpoint: true", 'fine_tune_checkpoint_type: "detection"'),
        ("batch_size: 8", "batch_size: 8 batch_queue_capacity: 2 max_number_of_boxes: 7"),
        ("shuffle: false", "shuffle: false queue_capacity: 3"),
    ],
)
def test_the_same_in_other_words(old, new):
    assert old in CONFIG
    assert identities(source=CONFIG.replace(old, new)) == identities()


def test_every_default_written_out_changes_nothing():
    def write_defaults(message):
        for field in message.DESCRIPTOR.fields:
            if field.is_repeated:
                if field.message_type and not field.message_type.GetOptions().map_entry:
                    for item in getattr(message, field.name):
                        write_defaults(item)
            elif field.message_type:
                if message.HasField(field.name):
                    write_defaults(getattr(message, field.name))
            elif field.has_default_value and not field.containing_oneof and not message.HasField(field.name):
                setattr(message, field.name, field.default_value)

    config = text.parse(CONFIG.replace("from_detection_checkpoint: true", 'fine_tune_checkpoint_type: "detection"'))
    expected = training_identity(config), evaluation_identity(config)
    write_defaults(config)
    assert len(text.to_text(config)) > 2 * len(CONFIG)
    assert (training_identity(config), evaluation_identity(config)) == expected


def test_a_block_that_chooses_by_its_presence_counts():
    assert identities({"model.ssd.loss.hard_example_miner": {}})[0] != identities()[0]
    assert identities({"train_config.data_augmentation_options.1": {"random_crop_image": {}}})[0] != identities()[0]


def test_restoring_does_not_matter_without_a_checkpoint():
    scratch = CONFIG.replace('fine_tune_checkpoint: "a/model.ckpt" from_detection_checkpoint: true', "")
    restored = scratch.replace("num_steps", "load_all_detection_checkpoint_vars: true num_steps")
    assert identities(source=scratch) == identities(source=restored)
    assert identities(source=scratch)[0] != identities()[0]


@pytest.mark.parametrize(
    ("schedule", "depends"),
    [
        ("constant_learning_rate {}", False),
        ("exponential_decay_learning_rate { decay_steps: 10 }", False),
        ("manual_step_learning_rate { schedule { step: 10 } }", False),
        ("cosine_decay_learning_rate { total_steps: 100 warmup_steps: 10 }", True),
    ],
)
def test_more_steps_extend_a_training_unless_the_schedule_follows(schedule, depends):
    config = text.parse(CONFIG.replace("constant_learning_rate { learning_rate: 0.002 }", schedule))

    def identity(num_steps, rescale=True):
        settings = {"num_classes": 3, "label_map_path": "l", "train_records": "t", "eval_records": "e"}
        return training_identity(patch(config, **settings, num_steps=num_steps, rescale_schedule=rescale)[0])

    assert (identity(1000) != identity(2000)) == depends
    assert identity(1000, rescale=False) == identity(2000, rescale=False)


def test_repeated_values_keep_their_order():
    anchors = "model.ssd.anchor_generator.ssd_anchor_generator.aspect_ratios"
    assert identities({anchors: [1.0, 2.0]})[0] != identities({anchors: [2.0, 1.0]})[0]


def test_published_configurations_have_an_identity(shared):
    texts = set()
    for path in sorted((shared / "odapi" / "configs").glob("*.config")):
        config = text.read(path)
        reprinted = text.parse(text.to_text(config))
        assert training_identity(config) == training_identity(reprinted)
        texts.add(training_identity(config) + evaluation_identity(config))
    assert len(texts) == 24


@pytest.mark.parametrize(
    ("path", "value", "matters"),
    [
        ("model.ssd.anchor_generator.ssd_anchor_generator.num_layers", 3, True),
        ("model.ssd.image_resizer.fixed_shape_resizer.height", 200, True),
        ("model.ssd.feature_extractor.type", "ssd_mobilenet_v2", True),
        ("model.ssd.post_processing.batch_non_max_suppression.iou_threshold", 0.5, False),
        ("model.ssd.loss.localization_weight", 2.0, False),
        ("model.ssd.num_classes", 4, False),
        ("train_config.batch_size", 4, False),
    ],
)
def test_what_decides_the_anchors(path, value, matters):
    config = text.parse(CONFIG)
    before = anchor_identity(config)
    apply(config, {path: value})
    assert (anchor_identity(config) != before) == matters


@pytest.mark.parametrize(
    ("path", "matters"),
    [
        ("object_center_params.max_box_predictions", False),
        ("object_center_params.peak_max_pool_kernel_size", False),
        ("post_processing.batch_non_max_suppression.max_total_detections", False),
        ("object_center_params.object_center_loss_weight", True),
    ],
)
def test_what_decides_the_training_of_a_center_net(path, matters):
    config = text.parse("model { center_net { object_center_params { classification_loss {} } } }")
    before = training_identity(config), evaluation_identity(config)
    apply(config, {f"model.center_net.{path}": 7})
    assert (training_identity(config) != before[0]) == matters
    assert evaluation_identity(config) != before[1]
