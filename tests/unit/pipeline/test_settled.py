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
        return configure([Wanted("m-seed1", "m", str(path), given)])[1]["m-seed1"]

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


def test_a_block_that_leaves_the_start_weights_out(configured):
    block = {"batch_size": 4, "optimizer": {"adam_optimizer": {"learning_rate": {"constant_learning_rate": {}}}}}
    with pytest.raises(UserError, match=r"`models\.m\.checkpoint`"):
        configured({"train_config": block}, checkpoint="model.ckpt")


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
