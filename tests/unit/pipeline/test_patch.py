"""Patching a published configuration for a data set and a run."""

import pytest

from boxwright.core.errors import UserError
from boxwright.pipeline import changes, text
from boxwright.pipeline.lint import lint
from boxwright.pipeline.patch import patch
from boxwright.protos import model_of

SETTINGS = {
    "num_classes": 3,
    "label_map_path": "data/label_map.pbtxt",
    "train_records": ["data/train-?????-of-00004.tfrecord"],
    "eval_records": "data/eval-00000-of-00001.tfrecord",
    "num_steps": 1000,
}
RATE = "train_config.optimizer.momentum_optimizer.learning_rate"


def config_with(schedule="", optimizer="momentum_optimizer", train="", rest=""):
    return text.parse(
        f"model {{ ssd {{ num_classes: 90 }} }} train_config {{ batch_size: 32 {train} "
        f"optimizer {{ {optimizer} {{ learning_rate {{ {schedule} }} }} }} }} {rest}"
    )


def told(changed):
    return {change.field: (change.before, change.after) for change in changed}


def test_every_published_configuration_patches_and_round_trips(shared):
    for path in sorted((shared / "odapi" / "configs").glob("*.config")):
        config = text.read(path)
        before = text.read(path)
        new, changed = patch(config, **SETTINGS, batch_size=8, checkpoint="zoo/model.ckpt")
        assert config == before, path.name
        assert text.parse(text.to_text(new)) == new, path.name
        assert model_of(new)[0].num_classes == 3
        assert list(new.train_input_reader.tf_record_input_reader.input_path) == SETTINGS["train_records"]
        assert new.train_input_reader.label_map_path == SETTINGS["label_map_path"]
        assert len(new.eval_input_reader) == 1
        reader = new.eval_input_reader[0]
        assert list(reader.tf_record_input_reader.input_path) == [SETTINGS["eval_records"]]
        assert not reader.shuffle and reader.num_epochs == 1
        assert (new.train_config.batch_size, new.train_config.num_steps) == (8, 1000)
        assert new.train_config.fine_tune_checkpoint == "zoo/model.ckpt"
        assert "PATH_TO_BE_CONFIGURED" not in text.to_text(new).replace(
            'keypoint_label_map_path: "PATH_TO_BE_CONFIGURED', ""
        )
        assert all(change.why and change.before != change.after for change in changed)
        # The changes are the whole difference: they name every top-level block that differs.
        for field, _ in before.ListFields():
            if getattr(before, field.name) != getattr(new, field.name):
                assert any(change.field.startswith(field.name) for change in changed), (path.name, field.name)


@pytest.mark.parametrize("name", ["ssd", "faster_rcnn", "center_net"])
def test_num_classes_of_each_meta_architecture(name):
    new, changed = patch(text.parse(f"model {{ {name} {{ num_classes: 90 }} }}"), **SETTINGS)
    assert getattr(new.model, name).num_classes == 3
    assert told(changed)[f"model.{name}.num_classes"] == (90, 3)


def test_models_without_classes_are_refused():
    with pytest.raises(UserError, match="experimental_model"):
        patch(text.parse("model { experimental_model { name: 'x' } }"), **SETTINGS)
    with pytest.raises(UserError, match="no model"):
        patch(text.parse("train_config {}"), **SETTINGS)


def test_impossible_values_are_all_told():
    wrong = SETTINGS | {"num_classes": 0, "num_steps": 0, "batch_size": 0, "checkpoint_type": "detektion"}
    with pytest.raises(UserError) as error:
        patch(config_with(), **wrong)
    assert len(str(error.value).splitlines()) == 4


def test_eval_readers_become_one_that_reads_every_image_once():
    config = config_with(
        rest="""eval_input_reader { name: 'a' sample_1_of_n_examples: 10 external_input_reader {}
                  sample_from_datasets_weights: [1, 2] }
                eval_input_reader { name: 'b' label_map_path: 'x' }
                eval_config { num_examples: 8000 max_evals: 10 }"""
    )
    new, changed = patch(config, **SETTINGS)
    (reader,) = new.eval_input_reader
    assert reader.name == "a" and not reader.shuffle and reader.num_epochs == 1 and reader.sample_1_of_n_examples == 1
    assert reader.WhichOneof("input_reader") == "tf_record_input_reader"
    assert not reader.sample_from_datasets_weights
    assert not new.eval_config.HasField("num_examples") and not new.eval_config.HasField("max_evals")
    fields = told(changed)
    assert fields["eval_input_reader.1"] == ('label_map_path: "x" name: "b"', None)
    assert fields["eval_input_reader.0.shuffle"] == (None, False)
    assert fields["eval_input_reader.0.sample_1_of_n_examples"] == (10, 1)
    assert "eval_input_reader.0.external_input_reader" in fields
    assert fields["eval_config.num_examples"] == (8000, None)


def test_missing_readers_are_made_and_paths_are_replaced():
    new, _ = patch(
        config_with(rest="train_input_reader { tf_record_input_reader { input_path: ['a', 'b'] } }"), **SETTINGS
    )
    assert list(new.train_input_reader.tf_record_input_reader.input_path) == SETTINGS["train_records"]
    assert len(new.eval_input_reader) == 1


@pytest.mark.parametrize(
    ("train", "given", "expected"),
    [
        ("", None, "classification"),
        ("from_detection_checkpoint: true", None, "detection"),
        ("fine_tune_checkpoint_type: 'full'", None, "full"),
        ("from_detection_checkpoint: true", "classification", "classification"),
        ("fine_tune_checkpoint_type: 'classification'", "detection", "detection"),
        ("fine_tune_checkpoint_type: 'full'", "detection", "full"),
        ("fine_tune_checkpoint_type: 'full'", "classification", "classification"),
    ],
)
def test_checkpoint_and_its_type(train, given, expected):
    new, changed = patch(config_with(train=train), **SETTINGS, checkpoint="c", checkpoint_type=given)
    assert new.train_config.fine_tune_checkpoint == "c"
    assert new.train_config.fine_tune_checkpoint_type == expected
    assert not new.train_config.HasField("from_detection_checkpoint")
    assert ("train_config.from_detection_checkpoint" in told(changed)) == ("from_detection" in train)


def test_without_a_checkpoint_training_starts_from_scratch():
    train = "fine_tune_checkpoint: 'PATH' fine_tune_checkpoint_type: 'detection' from_detection_checkpoint: true"
    new, changed = patch(config_with(train=train), **SETTINGS)
    for name in ("fine_tune_checkpoint", "fine_tune_checkpoint_type", "from_detection_checkpoint"):
        assert not new.train_config.HasField(name)
        assert told(changed)[f"train_config.{name}"][1] is None


@pytest.mark.parametrize("optimizer", ["momentum_optimizer", "rms_prop_optimizer", "adam_optimizer"])
@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant_learning_rate { learning_rate: 0.004 }", {"learning_rate": 0.001}),
        ("constant_learning_rate {}", {"learning_rate": 0.0005}),
        (
            "exponential_decay_learning_rate { initial_learning_rate: 0.4 burnin_learning_rate: 0.04 burnin_steps: 3 "
            "min_learning_rate: 0.008 decay_factor: 0.9 }",
            {"initial_learning_rate": 0.1, "burnin_learning_rate": 0.01, "min_learning_rate": 0.002},
        ),
        ("exponential_decay_learning_rate { initial_learning_rate: 0.4 }", {"initial_learning_rate": 0.1}),
        (
            "manual_step_learning_rate { initial_learning_rate: 0.04 warmup: true "
            "schedule { step: 5 learning_rate: 0.4 } schedule { step: 9 learning_rate: 0.004 } schedule { step: 11 } }",
            {
                "initial_learning_rate": 0.01,
                "schedule.0.learning_rate": 0.1,
                "schedule.1.learning_rate": 0.001,
                "schedule.2.learning_rate": 0.0005,
            },
        ),
        (
            "cosine_decay_learning_rate { learning_rate_base: 0.08 warmup_learning_rate: 0.04 warmup_steps: 10 "
            "total_steps: 1000 }",
            {"learning_rate_base": 0.02, "warmup_learning_rate": 0.01},
        ),
    ],
)
def test_every_rate_of_every_schedule_follows_the_batch_size(optimizer, schedule, expected):
    config = config_with(schedule, optimizer)
    new, changed = patch(config, **SETTINGS, batch_size=8)
    name = schedule.split()[0]
    path = f"train_config.optimizer.{optimizer}.learning_rate.{name}"
    rescaled = {field: after for field, (_, after) in told(changed).items() if field.startswith(path)}
    assert rescaled == {f"{path}.{field}": value for field, value in expected.items()}
    message = getattr(getattr(new.train_config.optimizer, optimizer).learning_rate, name)
    for field, value in expected.items():
        target = message
        for part in field.split("."):
            target = target[int(part)] if part.isdigit() else getattr(target, part)
        assert target == pytest.approx(value, rel=1e-6)


def test_rescaling_the_rate_can_be_turned_off_and_needs_another_batch_size():
    schedule = "constant_learning_rate { learning_rate: 0.004 }"
    for settings in ({"batch_size": 8, "rescale_learning_rate": False}, {"batch_size": 32}, {"batch_size": None}):
        new, _ = patch(config_with(schedule), **SETTINGS, **settings)
        rate = new.train_config.optimizer.momentum_optimizer.learning_rate.constant_learning_rate.learning_rate
        assert rate == pytest.approx(0.004)


def test_the_default_batch_size_counts():
    config = config_with("constant_learning_rate { learning_rate: 0.004 }")
    config.train_config.ClearField("batch_size")
    assert told(patch(config, **SETTINGS)[1])["train_config.batch_size"] == (None, 32)
    _, changed = patch(config, **SETTINGS, batch_size=16)
    assert told(changed)[f"{RATE}.constant_learning_rate.learning_rate"] == (0.004, 0.002)


def cosine(total=25000, warmup=2000, hold=5000):
    return (
        f"cosine_decay_learning_rate {{ learning_rate_base: 0.04 total_steps: {total} warmup_learning_rate: 0.01 "
        f"warmup_steps: {warmup} hold_base_rate_steps: {hold} }}"
    )


def test_a_cosine_follows_the_number_of_steps():
    _, changed = patch(config_with(cosine()), **SETTINGS)
    path = f"{RATE}.cosine_decay_learning_rate"
    assert told(changed)[f"{path}.total_steps"] == (25000, 1000)
    assert told(changed)[f"{path}.warmup_steps"] == (2000, 80)
    assert told(changed)[f"{path}.hold_base_rate_steps"] == (5000, 200)
    _, changed = patch(config_with(cosine()), **SETTINGS, rescale_schedule=False)
    assert not any(field.startswith(path) for field in told(changed))


def test_a_cosines_parts_never_exceed_its_whole():
    new, _ = patch(config_with(cosine(10, 5, 5)), **(SETTINGS | {"num_steps": 3}))
    rate = new.train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate
    assert rate.warmup_steps + rate.hold_base_rate_steps <= rate.total_steps == 3


def test_default_warm_up_of_a_cosine_is_written_in_proportion():
    new, _ = patch(config_with("cosine_decay_learning_rate { total_steps: 20000 }"), **SETTINGS)
    rate = new.train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate
    assert (rate.total_steps, rate.warmup_steps) == (1000, 500)


def test_other_schedules_keep_their_steps():
    schedule = "manual_step_learning_rate { schedule { step: 900000 learning_rate: 0.1 } }"
    new, _ = patch(config_with(schedule), **SETTINGS)
    assert (
        new.train_config.optimizer.momentum_optimizer.learning_rate.manual_step_learning_rate.schedule[0].step == 900000
    )


def test_overrides_come_last_and_win():
    path = f"{RATE}.cosine_decay_learning_rate.total_steps"
    new, changed = patch(config_with(cosine()), **SETTINGS, overrides={path: 77, "train_config.batch_size": 5})
    assert new.train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate.total_steps == 77
    assert new.train_config.batch_size == 5
    assert changed[-1].field == "train_config.batch_size" and changed[-1].why == "override"


def test_sequence_examples_are_not_what_the_records_hold():
    config = config_with(rest="train_input_reader { input_type: TF_SEQUENCE_EXAMPLE }")
    _, changed = patch(config, **SETTINGS)
    assert told(changed)["train_input_reader.input_type"] == ("TF_SEQUENCE_EXAMPLE", "TF_EXAMPLE")


def test_patching_twice_changes_nothing_more():
    once, _ = patch(config_with(cosine()), **SETTINGS, batch_size=8, checkpoint="c")
    twice, changed = patch(once, **SETTINGS, batch_size=8, checkpoint="c")
    assert changed == [] and twice == once


def test_difference_and_changes_as_text():
    config = config_with("constant_learning_rate { learning_rate: 0.004 }")
    new, changed = patch(config, **SETTINGS, batch_size=8)
    difference = changes.diff(config, new, ("a.config", "b.config")).splitlines()
    assert difference[:2] == ["--- a.config", "+++ b.config"]
    assert "-    num_classes: 90" in difference and "+    num_classes: 3" in difference
    assert "model.ssd.num_classes: 90 -> 3 (classes of the label map)" in changes.render(changed).splitlines()
    why = "the learning rate scales with the batch size, 32 -> 8"
    assert f"{RATE}.constant_learning_rate.learning_rate: 0.004 -> 0.001 ({why}" in changes.render(changed)


FROZEN = """
  model { ssd {
    num_classes: 90 freeze_batchnorm: true
    feature_extractor { type: "ssd_mobilenet_v2" conv_hyperparams { batch_norm { train: false } } }
    box_predictor { convolutional_box_predictor { conv_hyperparams { batch_norm { train: false decay: 0.9 } } } }
  } }"""


def test_batch_norm_learns_where_no_checkpoint_gives_its_statistics():
    new, changed = patch(text.parse(FROZEN), **SETTINGS)
    assert not new.model.ssd.freeze_batchnorm
    assert new.model.ssd.feature_extractor.conv_hyperparams.batch_norm.train
    assert new.model.ssd.box_predictor.convolutional_box_predictor.conv_hyperparams.batch_norm.train
    assert told(changed)["model.ssd.freeze_batchnorm"] == (True, False)
    new, _ = patch(text.parse(FROZEN), **SETTINGS, overrides={"model.ssd.freeze_batchnorm": True})
    assert new.model.ssd.freeze_batchnorm, "whoever sets it means it"
    new, changed = patch(text.parse(FROZEN), **SETTINGS, checkpoint="model.ckpt")
    assert new.model.ssd.freeze_batchnorm and not any("batch" in field and "norm" in field for field in told(changed))


def test_batch_norm_of_faster_rcnn_learns_from_scratch():
    config = text.parse('model { faster_rcnn { feature_extractor { type: "faster_rcnn_resnet50" } } }')
    assert patch(config, **SETTINGS)[0].model.faster_rcnn.feature_extractor.batch_norm_trainable
    kept, _ = patch(config, **SETTINGS, checkpoint="model.ckpt")
    assert not kept.model.faster_rcnn.feature_extractor.batch_norm_trainable


@pytest.mark.parametrize(("num_steps", "trains"), [(2500, False), (14000, True)])
def test_batch_norm_whose_averages_cannot_follow_stays_as_it_begins(num_steps, trains):
    config = text.parse('model { faster_rcnn { feature_extractor { type: "faster_rcnn_inception_v2" } } }')
    new, changed = patch(config, **{**SETTINGS, "num_steps": num_steps})
    assert new.model.faster_rcnn.feature_extractor.batch_norm_trainable is trains
    (change,) = [change for change in changed if change.field.endswith("batch_norm_trainable")]
    assert trains or "decay by 0.9997 per step, would keep 47% of their initial values" in change.why


def test_masks_are_switched_off_and_the_boxes_are_trained():
    predictor = (
        "second_stage_box_predictor { mask_rcnn_box_predictor { predict_instance_masks: true mask_height: 33 } }"
    )
    config = text.parse(
        f"model {{ faster_rcnn {{ number_of_stages: 3 {predictor} }} }} "
        "train_input_reader { load_instance_masks: true }"
    )
    new, changed = patch(config, **SETTINGS)
    model = new.model.faster_rcnn
    assert model.number_of_stages == 2
    assert not model.second_stage_box_predictor.mask_rcnn_box_predictor.predict_instance_masks
    path = "model.faster_rcnn.second_stage_box_predictor.mask_rcnn_box_predictor.predict_instance_masks"
    assert told(changed)[path] == (True, False)
    assert told(changed)["model.faster_rcnn.number_of_stages"] == (3, 2)
    assert told(changed)["train_input_reader.load_instance_masks"] == (True, False)


STEPS = """manual_step_learning_rate { initial_learning_rate: 0.0001
  schedule { step: 0 learning_rate: 0.0003 } schedule { step: 900 learning_rate: 3e-5 } }"""


def test_manual_steps_from_0_become_what_they_mean():
    new, changed = patch(config_with(STEPS), **SETTINGS)
    path = f"{RATE}.manual_step_learning_rate"
    assert told(changed)[f"{path}.initial_learning_rate"] == (0.0001, 0.0003)
    rate = new.train_config.optimizer.momentum_optimizer.learning_rate.manual_step_learning_rate
    assert [(entry.step, round(entry.learning_rate, 9)) for entry in rate.schedule] == [(900, 3e-5)]
    assert not any(finding.rule == "impossible-value" and path in finding.field for finding in lint(new))
    for kept in (STEPS.replace("step: 0", "step: 5"), STEPS.replace("0.0001", "0.0001 warmup: true")):
        assert f"{path}.schedule" not in told(patch(config_with(kept), **SETTINGS)[1])
    # Whoever sets an entry counts as the file does.
    new, _ = patch(config_with(STEPS), **SETTINGS, overrides={f"{path}.schedule.0.step": 10})
    rate = new.train_config.optimizer.momentum_optimizer.learning_rate.manual_step_learning_rate
    assert [entry.step for entry in rate.schedule] == [10, 900]
