"""Overrides by dotted path."""

import pytest

from boxwright.core.errors import UserError
from boxwright.pipeline import overrides, text
from boxwright.pipeline.overrides import apply

CONFIG = """
model { ssd { num_classes: 3 image_resizer { fixed_shape_resizer { height: 300 width: 300 } }
  feature_extractor { type: "ssd_mobilenet_v1" conv_hyperparams { activation: RELU_6 } }
  anchor_generator { ssd_anchor_generator { aspect_ratios: [1, 2] } } } }
train_config {
  optimizer { rms_prop_optimizer { decay: 0.9 } }
  data_augmentation_options { random_horizontal_flip {} }
}
"""


@pytest.fixture
def config():
    return text.parse(CONFIG)


def test_scalars_enums_and_lists(config):
    changes = apply(
        config,
        {
            "model.ssd.image_resizer.fixed_shape_resizer.height": 256,
            "model.ssd.feature_extractor.conv_hyperparams.activation": "SWISH",
            "model.ssd.anchor_generator.ssd_anchor_generator.aspect_ratios.1": 0.5,
            "model.ssd.anchor_generator.ssd_anchor_generator.aspect_ratios[2]": 3,
            "train_config.freeze_variables": ["a", "b"],
            "train_config.gradient_clipping_by_norm": "1e-4",
            "train_config.sync_replicas": True,
        },
    )
    assert config.model.ssd.image_resizer.fixed_shape_resizer.height == 256
    assert config.model.ssd.feature_extractor.conv_hyperparams.activation == 3
    assert list(config.model.ssd.anchor_generator.ssd_anchor_generator.aspect_ratios) == [1, 0.5, 3]
    assert list(config.train_config.freeze_variables) == ["a", "b"]
    assert config.train_config.gradient_clipping_by_norm == pytest.approx(1e-4)
    told = {change.field: (change.before, change.after) for change in changes}
    assert told["model.ssd.image_resizer.fixed_shape_resizer.height"] == (300, 256)
    assert told["model.ssd.feature_extractor.conv_hyperparams.activation"] == ("RELU_6", "SWISH")
    assert told["model.ssd.anchor_generator.ssd_anchor_generator.aspect_ratios.2"] == (None, 3.0)
    assert told["train_config.gradient_clipping_by_norm"] == (None, 1e-4)
    assert len(changes) == 7


def test_messages_by_mapping_replace_and_append(config):
    apply(
        config,
        {
            "train_config.data_augmentation_options.1": {"ssd_random_crop": {}},
            "train_config.data_augmentation_options.0": {"random_adjust_hue": {"max_delta": 0.1}},
            "train_config.data_augmentation_options.2.random_crop_image.min_object_covered": 0.5,
            "model.ssd.image_resizer.fixed_shape_resizer": {"width": 10},
        },
    )
    options = [option.WhichOneof("preprocessing_step") for option in config.train_config.data_augmentation_options]
    assert options == ["random_adjust_hue", "ssd_random_crop", "random_crop_image"]
    assert not config.model.ssd.image_resizer.fixed_shape_resizer.HasField("height")


def test_a_list_of_messages_and_a_map(config):
    apply(
        config,
        {
            "train_config.data_augmentation_options": [{"ssd_random_crop": {}}, {"random_horizontal_flip": {}}],
            "eval_config.super_categories": {"animal": "cat,dog"},
        },
    )
    assert len(config.train_config.data_augmentation_options) == 2
    assert dict(config.eval_config.super_categories) == {"animal": "cat,dog"}


def test_switching_a_oneof_is_told(config):
    path = "train_config.optimizer.adam_optimizer.learning_rate.constant_learning_rate.learning_rate"
    changes = apply(config, {path: 0.001})
    assert config.train_config.optimizer.WhichOneof("optimizer") == "adam_optimizer"
    assert [change.field for change in changes] == ["train_config.optimizer.rms_prop_optimizer", path]
    assert changes[0].after is None and "only one of" in changes[0].why


def test_none_clears_and_an_equal_value_is_no_change(config):
    changes = apply(
        config,
        {
            "train_config.data_augmentation_options.0": None,
            "model.ssd.num_classes": 3,
            "model.ssd.matcher.argmax_matcher.matched_threshold": None,
            "model.faster_rcnn": None,
        },
    )
    assert [change.field for change in changes] == ["train_config.data_augmentation_options.0"]
    assert not config.train_config.data_augmentation_options
    assert not config.model.ssd.HasField("matcher")


def test_all_mistakes_at_once_and_nothing_changed(config):
    before = text.parse(CONFIG)
    mistakes = {
        "model.ssd.num_clases": (3, "model.ssd has no field `num_clases`; nearest known: num_classes"),
        "model.ssd.num_classes": ("3", "`: takes a whole number, not '3'"),
        "train_config.batch_size": (-1, "takes a whole number of at least 0, not -1"),
        "train_config.num_steps": (True, "whole number of at least 0, not true"),
        "train_config.sync_replicas": (1, "true or false"),
        "train_config.gradient_clipping_by_norm": (float("nan"), "takes a number"),
        "train_config.fine_tune_checkpoint": (3, "takes a text"),
        "model.ssd.feature_extractor.conv_hyperparams.activation": ("relu_6", "Nearest: RELU_6"),
        "model.ssd.freeze_batchnorm.x": (1, "takes true or false: it has no field `x`"),
        "model.faster_rcnn.num_classes": (3, "the model is `ssd`, not `faster_rcnn`: write `model.ssd.num_classes`."),
        "model.faster_rcnn.first_stage_nms_iou_threshold": (
            0.5,
            "and has no such field: leave the override out, or take",
        ),
        "train_config.data_augmentation_options.3.ssd_random_crop": ({}, "1 is the next index, not 3"),
        "train_config.data_augmentation_options.ssd_random_crop": ({}, "options.0`; `.1` appends"),
        "train_config.freeze_variables": ("a", "is a list: write `[a]`"),
        "train_config.optimizer": (
            {"adam_optimizer": {}, "rms_prop_optimizer": {}},
            "only one of `adam_optimizer` and `rms_prop_optimizer`",
        ),
        "model.ssd.image_resizer": (3, "is a block: write `{keep_aspect_ratio_resizer: ...}`, not 3"),
        "num_classes": (3, "the configuration has no field `num_classes`; did you mean `model.ssd.num_classes`?"),
        "ssd.num_classes": (3, "did you mean `model.ssd`?"),
        "model.num_classes": (3, "model has no field `num_classes`; did you mean `model.ssd.num_classes`?"),
        "model/ssd/num_classes": (3, "a path uses dots: write `model.ssd.num_classes`"),
        "train_config.optimizer.learning_rate": (
            1,
            "did you mean `train_config.optimizer.rms_prop_optimizer.learning_rate`?",
        ),
        "train_config.data_augmentation_options[0]": (
            "random_horizontal",
            "write `{random_horizontal_flip: ...}`, not",
        ),
        "model.ssd.loss": ("x", "is a block: write `{"),
        "model.ssd.anchor_generator.ssd_anchor_generator.scales": (0.1, "is a list: write `[0.1]`"),
        "model.ssd.anchor_generator.ssd_anchor_generator.aspect_ratios": (
            "wide",
            "is a list: each item takes a number, not 'wide'.",
        ),
        "train_config.data_augmentation_options": (
            [{"random_horizontal_flip": None}],
            "options.0.random_horizontal_flip` is null: write `{}` for an empty block",
        ),
        "model.ssd.anchor_generator.ssd_anchor_generator.aspect_ratios.-1": (3, "write `.0` or `[0]` for the first"),
        "model.ssd.anchor_generator.ssd_anchor_generator.aspect_ratios[-1]": (3, "write `.0` or `[0]` for the first"),
        "model.ssd.anchor_generator.ssd_anchor_generator.aspect_ratios.²": (3, "takes a number: it has no field `²`"),
        "model.ssd.anchor_generator.ssd_anchor_generator.aspect_ratios.0": (10**400, "takes a number"),
        "eval_config.super_categories.animal": ("cat", "has entries, not fields"),
        "eval_config.super_categories": ({"x": 3}, "takes a text, not 3"),
        "train_input_reader.label_map_path": ("\ud800", "takes a text"),
        "train_input_reader.name": (b"x", "takes a text"),
        "": (3, "empty"),
    }
    with pytest.raises(UserError) as error:
        apply(config, {"train_config.batch_size": 4} | {path: value for path, (value, _) in mistakes.items()})
    lines = str(error.value).splitlines()
    assert len(lines) == len(mistakes)
    for path, (_, words) in mistakes.items():
        assert any(line.startswith(f"override `{path}`: ") and words in line for line in lines), (path, lines)
    assert config == before


def test_fields_by_name_and_whether_an_override_sets_them():
    rate = "learning_rate { constant_learning_rate { learning_rate: 0.1 } }"
    config = text.parse(f"train_config {{ optimizer {{ momentum_optimizer {{ {rate} }} }} }}")
    block = "train_config.optimizer"
    number = f"{block}.momentum_optimizer.learning_rate.constant_learning_rate.learning_rate"
    assert overrides.fields_named(config, "learning_rate") == [number]
    assert overrides.fields_named(config, "optimizer") == [block], "momentum_optimizer_value is no optimizer"
    assert overrides.values_below(config, block) == [number]
    assert overrides.values_below(config, number) is None and overrides.values_below(config, "model.ssd") == []
    before = config.SerializeToString()
    assert overrides.can_be_set(config, number, 0.2) and overrides.can_be_set(config, block, {"adam_optimizer": {}})
    assert not any(overrides.can_be_set(config, path, value) for path, value in ((block, "adam"), (number, None)))
    assert config.SerializeToString() == before
