"""What is told of a training whose configuration is another one than that of its checkpoints."""

import pytest
from tests.factories import SSD_PARTS

from boxwright.pipeline import restart, text
from boxwright.pipeline.overrides import apply

CONFIG = """
model {{ ssd {{ num_classes: 3 feature_extractor {{ type: "ssd_mobilenet_v1" }} {parts} }} }}
train_config {{ batch_size: 8 num_steps: {steps} data_augmentation_options {{ random_horizontal_flip {{ }} }}
  optimizer {{ adam_optimizer {{ learning_rate {{ {schedule} }} }} }} }}
"""
COSINE = "cosine_decay_learning_rate {{ learning_rate_base: 0.1 total_steps: {steps} warmup_steps: 0 }}"
CONSTANT = "constant_learning_rate {{ learning_rate: 0.1 }}"
RATE = "train_config.optimizer.adam_optimizer.learning_rate"


def config(steps: int = 100, schedule: str = COSINE):
    return text.parse(CONFIG.format(steps=steps, schedule=schedule.format(steps=steps), parts=SSD_PARTS))


def told(**overrides):
    """What is told of a cosine of 100 steps after some overrides."""
    wanted = config()
    apply(wanted, {path.replace("__", "."): value for path, value in overrides.items()})
    return restart.differences(config(), wanted)


def test_a_stretched_cosine():
    [said] = restart.differences(config(100), config(200))
    assert said.startswith("num_steps 100 -> 200 stretches the cosine schedule (train_config.optimizer.adam_optimizer.")
    assert "total_steps 100 -> 200" in said and "would be continued" in said


def test_a_stretched_cosine_hides_no_other_field():
    wanted = config(200)
    apply(wanted, {f"{RATE}.cosine_decay_learning_rate.learning_rate_base": 0.2})
    said = restart.differences(config(100), wanted)
    assert len(said) == 2 and said[1] == f"{RATE}.cosine_decay_learning_rate.learning_rate_base 0.1 -> 0.2"


def test_the_same_says_nothing():
    assert restart.differences(config(), config()) == []


def test_a_training_that_is_continued_says_nothing():
    assert restart.differences(config(100, CONSTANT), config(200, CONSTANT)) == []
    kept = config(100)
    kept.train_config.num_steps = 200
    assert restart.differences(config(100), kept) == []


def test_what_does_not_decide_a_training_says_nothing():
    path = "model__ssd__post_processing__batch_non_max_suppression__max_total_detections"
    assert told(**{path: 33, "eval_config__min_score_threshold": 0.25}) == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        (f"{RATE}.cosine_decay_learning_rate.learning_rate_base", 0.05, "0.1 -> 0.05"),
        (f"{RATE}.cosine_decay_learning_rate.learning_rate_base", 0.002, "0.1 -> 0.002"),  # the schema's default
        (f"{RATE}.cosine_decay_learning_rate.hold_base_rate_steps", 7, "0 -> 7"),
        ("train_config.batch_size", 16, "8 -> 16"),
        ("train_config.gradient_clipping_by_norm", 10.0, "0.0 -> 10.0"),
        ("train_config.update_trainable_variables", ["Box"], "not set -> 'Box'"),
    ],
)
def test_a_field(field, value, said):
    [line] = told(**{field: value})
    path, _, values = line.partition(" ")
    assert path in (field, f"{field}.0") and values == said


def test_an_augmentation_and_an_input_size():
    [said] = told(**{"train_config.data_augmentation_options.1.random_adjust_hue": {}})
    assert said == "train_config.data_augmentation_options.1.random_adjust_hue not set -> set"
    [said] = told(**{"train_config.data_augmentation_options.0": None})
    assert said == "train_config.data_augmentation_options.0.random_horizontal_flip set -> not set"
    resizer = "model.ssd.image_resizer.fixed_shape_resizer"
    said = told(**{f"{resizer}.height": 128, f"{resizer}.width": 160})
    assert [line.split(" ")[0] for line in said] == [f"{resizer}.height", f"{resizer}.width"]


def test_many_fields_are_counted():
    nms = {f"model.ssd.loss.{name}": 3.0 for name in ("classification_weight", "localization_weight")}
    rate = {f"{RATE}.exponential_decay_learning_rate": {"initial_learning_rate": 0.1, "decay_steps": 9}}
    said = told(**nms, **rate, **{"train_config.batch_size": 16})
    assert len(said) == 4 and said[-1].endswith(" more fields")
