"""Overrides of what the run decides by keys of its own are refused, with the key to set instead."""

import pytest
from tests.factories import SSD_PARTS

from boxwright.core.errors import UserError
from boxwright.pipeline.configure import Wanted, configure

CONFIG = """
model { ssd { num_classes: 3 feature_extractor { type: "ssd_mobilenet_v1" } SSD_PARTS } }
train_config { batch_size: 8 optimizer { adam_optimizer { learning_rate { constant_learning_rate {} } } } }
train_input_reader { } eval_input_reader { }
""".replace("SSD_PARTS", SSD_PARTS)


@pytest.fixture
def configured(tmp_path):
    """A function that configures a model `m` with some overrides."""
    path = tmp_path / "pipeline.config"
    path.write_text(CONFIG)
    arguments = {
        "num_classes": 3,
        "label_map_path": "results/label_map.pbtxt",
        "train_records": ["results/train"],
        "eval_records": ["results/eval"],
        "num_steps": 10,
    }

    def configure_with(overrides, checkpoint=None):
        given = {**arguments, "overrides": overrides, "checkpoint": checkpoint}
        _, configurations, mistakes = configure([Wanted("m-seed1", "m", str(path), given)])
        if mistakes:
            raise UserError("\n".join(mistakes["m"]))
        return configurations["m-seed1"]

    return configure_with


@pytest.mark.parametrize(
    ("field", "value", "instead"),
    [
        ("train_input_reader.tf_record_input_reader.input_path", ["mine.record"], "`dataset.images`"),
        ("train_input_reader.tf_record_input_reader.input_path[0]", "mine.record", "`dataset.images`"),
        ("train_input_reader.tf_record_input_reader", {"input_path": ["mine"]}, "`dataset.images`"),
        ("eval_input_reader.0.tf_record_input_reader.input_path.0", "mine.record", "`dataset.images`"),
        ("eval_input_reader[0].label_map_path", "mine.pbtxt", "`dataset.label_map`"),
        ("train_input_reader", {"label_map_path": "mine.pbtxt"}, "`dataset.label_map`"),
        ("train_config.num_steps", 7, "`models.m.num_steps`"),
        ("train_config.num_steps", 10, "`models.m.num_steps`"),
        ("train_config.fine_tune_checkpoint", "mine/model.ckpt-9", "`models.m.checkpoint`"),
        ("train_config.from_detection_checkpoint", True, "`train_config.fine_tune_checkpoint_type`"),
        ("train_config.fine_tune_checkpoint_type", "detection", "`models.m.checkpoint`"),
        ("train_config.use_bfloat16", True, "`models.m.precision: bfloat16`"),
        ("train_config.keep_checkpoint_every_n_hours", 2, "`models.m.checkpoint_every`"),
    ],
)
def test_what_the_run_decides_itself(configured, field, value, instead):
    with pytest.raises(UserError) as caught:
        configured({field: value})
    header, *lines = str(caught.value).splitlines()
    assert header.startswith("models.m, made from ")
    assert any("override `" in line and instead in line for line in lines), lines


RATE = {"adam_optimizer": {"learning_rate": {"constant_learning_rate": {}}}}


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (
            {"train_config": {"batch_size": 3}},
            [
                "override `train_config`: a block as value replaces all of it, and with it what the run sets there "
                "(`fine_tune_checkpoint`, `num_steps`). Write the whole path of each field instead: "
                "`train_config.batch_size`, or better `models.m.batch_size`."
            ],
        ),
        (
            {"train_config": {"num_steps": 10, "optimizer": RATE}},
            [
                "override `train_config.num_steps`: the run decides how long the training is. Set "
                "`models.m.num_steps` instead.",
                "override `train_config`: a block as value replaces all of it, and with it what the run sets there "
                "(`fine_tune_checkpoint`). Write the whole path of each field instead: `train_config.optimizer`.",
            ],
        ),
        (
            {"eval_input_reader": [{"shuffle": True}]},
            [
                "override `eval_input_reader`: a list as value replaces all of it, and with it what the run sets there "
                "(`0.label_map_path`, `0.tf_record_input_reader`). Write the whole path of each field instead: "
                "`eval_input_reader.0.shuffle`."
            ],
        ),
        ({"train_config.optimizer": RATE}, []),
    ],
)
def test_a_block_replaces_what_the_run_sets_in_it(configured, overrides, told):
    if not told:
        configured(overrides, checkpoint="model.ckpt")
        return
    with pytest.raises(UserError) as caught:
        configured(overrides, checkpoint="model.ckpt")
    assert [line.removeprefix("  - ") for line in str(caught.value).splitlines()[1:]] == told


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("num_steps", 7, "the configuration has no field `num_steps`, and `train_config.num_steps` cannot be set"),
        ("train_config.num_step", 7, "train_config has no field `num_step`, and `train_config.num_steps` cannot be"),
        ("train_config", {"num_step": 7}, "train_config has no field `num_step`, and `train_config.num_steps` cannot"),
        ("model.ssd.num_steps", 7, "model.ssd has no field `num_steps`, and `train_config.num_steps` cannot be set"),
    ],
)
def test_the_hint_of_an_unknown_field_is_not_what_the_run_decides(configured, field, value, told):
    with pytest.raises(UserError) as caught:
        configured({field: value})
    (line,) = str(caught.value).splitlines()[1:]
    assert line.startswith(f"  - override `{field}`: {told}") and line.endswith("Set `models.m.num_steps` instead.")


def test_other_fields_may_be_set(configured):
    config = configured(
        {
            "train_config.batch_size": 4,
            "train_input_reader.max_number_of_boxes": 300,
            "train_input_reader.shuffle": False,
            "train_config.fine_tune_checkpoint_type": "detection",
            "eval_config.min_score_threshold": 0.3,
        },
        checkpoint="model.ckpt",
    )
    assert config.train_input_reader.max_number_of_boxes == 300
