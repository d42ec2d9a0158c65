"""What is told of the configurations of a run before it starts."""

from dataclasses import replace

import pytest
from tests.factories import SSD_PARTS

from boxwright.catalog.findings import Facts
from boxwright.core.errors import UserError
from boxwright.pipeline import judgement, text
from boxwright.pipeline.judgement import Draft, judge
from boxwright.pipeline.lint_rules import RULES
from boxwright.pipeline.overrides import apply

SOUND = """
model {
  ssd {
    num_classes: 3
    feature_extractor { type: "ssd_mobilenet_v1" conv_hyperparams { batch_norm { train: false } } }
    freeze_batchnorm: true
    box_predictor { convolutional_box_predictor {} }
  }
}
train_config {
  batch_size: 8
  num_steps: 100
  optimizer { use_moving_average: false adam_optimizer { learning_rate { constant_learning_rate {} } } }
}
train_input_reader { max_number_of_boxes: 10 }
""".replace("freeze_batchnorm", f"{SSD_PARTS} freeze_batchnorm")
RATE = "train_config.optimizer.adam_optimizer.learning_rate.constant_learning_rate"
FACTS = Facts(num_classes=3, max_boxes=10)


def draft(name, change=("", ""), **settings):
    document = text.parse_document(SOUND.replace(*change) if change[0] else SOUND, f"{name}.config")
    usual = {"overrides": {}, "batch_size": None, "rescale_learning_rate": True, "gpus": 0}
    return Draft(name, document, document.config, {**usual, **settings}, FACTS)


def test_nothing_is_said_of_sound_ones():
    assert judge([draft("a"), draft("b")]) == ""


def test_what_is_about_the_training_alone_is_not_told_once_that_is_finished():
    high = draft("high", ("constant_learning_rate {}", "constant_learning_rate { learning_rate: 5 }"))
    few = draft("few", ("max_number_of_boxes: 10", "max_number_of_boxes: 9"))
    told = judge([replace(high, trained=True), replace(few, trained=True)])
    assert "max_number_of_boxes is 9" in told and "poor detector" not in told and "poor detector" in judge([high])
    wrong = draft("wrong", batch_size=8, gpus=3)
    with pytest.raises(UserError, match="multiple of 3"):
        judge([replace(wrong, trained=True)])


def test_warnings_of_all_models_are_one_text():
    few = draft("few", ("max_number_of_boxes: 10", "max_number_of_boxes: 9"))
    pod = draft("pod", ("batch_size: 8", "batch_size: 512"))
    high = draft("high", ("constant_learning_rate {}", "constant_learning_rate { learning_rate: 5 }"))
    assert judge([few, draft("sound"), pod, high]).splitlines() == [
        "This will probably give a poor detector.",
        "models.high, made from high.config:",
        "  - line 13: train_config.optimizer.adam_optimizer.learning_rate.constant_learning_rate.learning_rate is 5.0: "
        "training will diverge with so large a rate; published configurations have 0.0001 to 0.01.",
        "Worth a look before the training; a detector can be good all the same.",
        "models.few, made from few.config:",
        "  - line 15: train_input_reader.max_number_of_boxes is 9: a training image has 10 boxes; those beyond the "
        "limit are not learned. Use 10 for max_number_of_boxes.",
        "models.pod, made from pod.config:",
        "  - line 11: train_config.batch_size is 512: a batch for a TPU pod, too large for most machines, and the "
        "learning rate of 0.002 is made for it; a batch of 8 needs a rate of 3.13e-05, and a model's `batch_size` "
        "scales the rates this way. Use 8 for batch_size.",
        "Set a model's fields with its `overrides`, and its batch with `batch_size`; most values set there cause no "
        "warning.",
    ]


@pytest.mark.parametrize(
    ("share", "of_class", "poor"), [(0.91, (34, 109), False), (0.7, (90, 100), False), (0.4, (40, 100), True)]
)
def test_anchors_that_miss_a_class_are_not_said_to_give_a_poor_detector(share, of_class, poor):
    """The tutorial's own run has such a class, and an mAP of 0.85."""
    one = draft("a")
    told = judge([replace(one, facts=replace(FACTS, anchor_coverage=share, anchor_classes={"cat": of_class}))])
    assert "match an anchor at IoU 0.5" in told
    assert told.startswith("This will probably give a poor detector.") == poor
    assert ("Worth a look before the training;" in told) != poor


def test_what_is_grave_are_rules_with_warnings():
    assert set(judgement.GRAVE) <= RULES.keys()


def test_what_the_settings_set_is_meant():
    big = ("batch_size: 8", "batch_size: 512")
    assert judge([draft("a", big, batch_size=512)]) == ""
    assert judge([draft("a", big, overrides={"train_config.batch_size": 512})]) == ""


def test_errors_of_all_models_are_one_error():
    unknown = draft("unknown", ("ssd_mobilenet_v1", "ssd_mobilenet_v9"), overrides={"model.ssd.feature_extractor": ""})
    classes = draft("classes", ("num_classes: 3", "num_classes: 90"))
    pod = draft("pod", ("batch_size: 8", "batch_size: 512"))
    with pytest.raises(UserError) as caught:
        judge([unknown, classes, pod])
    assert str(caught.value).splitlines() == [
        "This cannot be trained as it is.",
        "models.unknown, made from unknown.config:",
        "  - overrides: model.ssd.feature_extractor.type is 'ssd_mobilenet_v9': the engine does not have this feature "
        "extractor; config/pipelines/ssd_mobilenet_v2.config is a complete configuration with the nearest one. Use "
        "'ssd_mobilenet_v2' for type.",
        "models.classes, made from classes.config:",
        "  - line 4: model.ssd.num_classes is 90: the label map has 3 classes (the background is not counted). Use 3 "
        "for num_classes.",
        "Set a model's fields with its `overrides`, and its batch with `batch_size`.",
    ]


def test_a_type_that_the_checkpoint_contradicts_is_mended_with_a_warning():
    wrong = draft("wrong", ("batch_size: 8", 'batch_size: 8 fine_tune_checkpoint: "c" from_detection_checkpoint: true'))
    names = Facts(num_classes=3, max_boxes=10, checkpoint_names=["MobilenetV1/Conv2d_0/weights"])
    told = judge([replace(wrong, facts=names)])
    assert (
        "fine_tune_checkpoint_type is not set: the checkpoint has the variable names" in told
        and "Use 'classification' for fine_tune_checkpoint_type." in told
    )
    with pytest.raises(UserError, match="match neither a detector"):
        judge([replace(wrong, facts=replace(names, checkpoint_names=["dense/kernel"]))])


def test_what_the_overrides_set_has_no_line():
    one = draft("a", overrides={"model.ssd.box_predictor.convolutional_box_predictor.kernel_size": 0})
    apply(one.config, one.settings["overrides"])
    one.config.train_config.batch_size = 0
    with pytest.raises(UserError) as raised:
        judge([one])
    assert str(raised.value).splitlines()[2:4] == [
        "  - overrides: model.ssd.box_predictor.convolutional_box_predictor.kernel_size is 0: it must be 1 to 100. "
        "Use 1 for kernel_size.",
        "  - line 11: train_config.batch_size is 0: it must be 1 to 100,000. Use 8 for batch_size.",
    ]


def test_a_batch_that_the_gpus_cannot_share():
    assert judge([draft("a", gpus=1), draft("b", gpus=4)]) == ""
    with pytest.raises(UserError, match=r"line 11: train_config\.batch_size is 8: .*a multiple of 3\. Use 9 for ba"):
        judge([draft("a", gpus=3)])


def test_what_a_file_says_and_loses_is_a_warning():
    three = draft(
        "a",
        ("num_steps: 100", "num_steps: 100 data_augmentation_options { ssd_random_crop {} random_horizontal_flip {} }"),
    )
    assert judge([three]).splitlines()[2] == (
        "  - line 12: train_config.data_augmentation_options.0.random_horizontal_flip: replaces `ssd_random_crop`, "
        "which is lost: a block holds only one of the two; give each a block of its own."
    )
    meant = {"train_config.data_augmentation_options": [{"random_horizontal_flip": {}}]}
    assert judge([replace(three, settings={**three.settings, "overrides": meant})]) == ""


def test_an_override_that_nothing_reads_is_told_apart_and_the_same_in_a_file_is_not():
    said = ("batch_size: 8", "batch_size: 8 startup_delay_steps: 3")
    assert judge([draft("a", said)]) == ""
    unused = draft("a", said, overrides={"train_config.startup_delay_steps": 3})
    told = [
        "These overrides are not used.",
        "models.a, made from a.config:",
        "  - overrides: train_config.startup_delay_steps is 3.0: not used; nothing reads this field here.",
    ]
    assert judge([unused]).splitlines() == told
    few = draft("few", ("max_number_of_boxes: 10", "max_number_of_boxes: 9"))
    both = judge([unused, few]).splitlines()
    assert both[0] == "Worth a look before the training; a detector can be good all the same." and both[-3:] == told
    assert "models.a, made from a.config:" not in both[:-3]


def test_how_something_is_computed_makes_no_detector_poor():
    unused = draft("a", overrides={"model.ssd.matcher.argmax_matcher.use_matmul_gather": True})
    apply(unused.config, unused.settings["overrides"])
    told = judge([unused])
    assert "poor" not in told and "use_matmul_gather is True: not used; in the OD API it chooses how" in told


def test_an_override_does_not_make_possible_what_fails_later():
    averages = draft("a", overrides={"eval_config.use_moving_averages": True})
    apply(averages.config, averages.settings["overrides"])
    with pytest.raises(UserError, match=r"eval_config\.use_moving_averages is True"):
        judge([averages])
    for classes, fails in ((2, True), (5, False)):
        few = draft("a", overrides={"model.ssd.num_classes": classes})
        apply(few.config, few.settings["overrides"])
        if fails:
            with pytest.raises(UserError, match="num_classes is 2: the label map has 3 classes"):
                judge([few])
        else:
            told = (
                "  - overrides: model.ssd.num_classes is 5: the label map has 3 classes (the background is not "
                "counted), and the run sets that by itself; more of them have no use before the data have more classes."
            )
            assert told in judge([few]).splitlines(), "classes that come later have room"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"overrides": {"train_config.batch_size": 24}}, True),
        ({"overrides": {"train_config.batch_size": 24}, "batch_size": 16}, True),
        ({"overrides": {"train_config.batch_size": 8}}, False),
        ({"overrides": {"train_config.batch_size": 24}, "rescale_learning_rate": False}, False),
        ({"overrides": {"train_config.batch_size": 24, "train_config.optimizer.adam_optimizer.epsilon": 1e-7}}, True),
        ({"overrides": {"train_config.batch_size": 24, f"{RATE}.learning_rate": 0.001}}, False),
    ],
)
def test_a_batch_by_override_leaves_the_learning_rates(settings, told):
    one = draft("a", **settings)
    made_for = settings.get("batch_size") or one.config.train_config.batch_size
    original = replace(one.original, config=text.parse(SOUND))
    apply(one.config, settings["overrides"])
    line = (
        "  - overrides: train_config.batch_size is 24: an override of it leaves the learning rates as they are for a "
        f"batch of {made_for}; `batch_size: 24` of the model scales them, or `rescale_learning_rate: false` says that "
        "they are meant."
    )
    assert (line in judge([replace(one, original=original)]).splitlines()) == told


def test_an_override_inside_another_optimizer_replaces_the_files():
    rate, name, other = "learning_rate.constant_learning_rate.learning_rate", "adam_optimizer", "momentum_optimizer"

    def told(overrides):
        one = draft("a", overrides=overrides)
        original = replace(one.original, config=text.parse(SOUND))
        apply(one.config, overrides)
        return f"replaces the file's {name} with its learning rate" in judge([replace(one, original=original)])

    assert told({f"train_config.optimizer.{other}.{rate}": 0.001})
    assert not told({f"train_config.optimizer.{name}.{rate}": 0.001})
    whole = {"learning_rate": {"constant_learning_rate": {"learning_rate": 0.001}}}
    assert not told({f"train_config.optimizer.{other}": whole})


def test_an_override_of_a_deprecated_field_is_not_used():
    one = draft("a", overrides={"eval_config.num_examples": 4})
    apply(one.config, one.settings["overrides"])
    line = "  - overrides: eval_config.num_examples is 4: deprecated and not used; every example of the records is"
    assert "These overrides are not used." in judge([one]) and line in judge([one])
