"""What the engine refuses is told once, before anything is built, with advice that is right."""

import functools
import re
import time
from pathlib import Path

import pytest
from tests.unit.catalog.buildable import BUILDABLE, KNOWN

from boxwright.catalog import check
from boxwright.catalog.families import FAMILIES
from boxwright.catalog.findings import RefusedError
from boxwright.catalog.messages import spec_of
from boxwright.catalog.spec import Block, Only
from boxwright.core.errors import UserError
from boxwright.pipeline import coverage, text
from boxwright.pipeline.lint import lint
from boxwright.pipeline.overrides import apply
from boxwright.protos import model_of

ROOT = Path(__file__).parents[3]

# What a member needs to be more than empty.
FILL = {
    ("ssd.anchor_generator", "grid_anchor_generator"): lambda model: (
        model.ssd.anchor_generator.grid_anchor_generator.MergeFrom(
            text.parse("scales: 1 aspect_ratios: 1", kind="GridAnchorGenerator")
        )
    ),
    ("ssd.anchor_generator", "multiscale_anchor_generator"): lambda model: model.ssd.MergeFrom(
        text.parse(
            "feature_extractor { num_layers: 5 } anchor_generator { multiscale_anchor_generator { aspect_ratios: 1 } }",
            kind="Ssd",
        )
    ),
}


def block(model, place):
    """The message at a place below `model`, `ssd.loss`."""
    return functools.reduce(getattr, place.split("."), model)


def places(kind, path, said=None):
    """Of a message of the type `kind` at `path`, and of those below that are always looked into, what is known."""
    spec, said = spec_of(kind), said or Block()
    facts = {**spec.fields, **said.fields}
    if callable(said.among):
        parent = path.rpartition(".")[0]
        said = said._replace(among=said.among(block(text.parse(BUILDABLE[path.partition(".")[0]]).model, parent)))
    yield path, facts, said.among or spec.choices
    for name, fact in facts.items():
        field = KNOWN[kind].fields_by_name[name]
        if isinstance(fact, Block):
            yield from places(field.message_type.name, f"{path}.{name}", fact)
    if said.among or not spec.choices:
        for field in KNOWN[kind].fields:
            goes = field.name not in {*facts, *spec.unread} and (not said.among or field.name in said.among)
            if goes and field.message_type and not field.is_repeated and spec_of(field.message_type.name).fields:
                yield from places(field.message_type.name, f"{path}.{field.name}")


TYPES = {"ssd": "Ssd", "faster_rcnn": "FasterRcnn", "center_net": "CenterNet"}
PLACES = {path: (facts, among) for name in FAMILIES for path, facts, among in places(TYPES[name], name)}


def fields(config):
    return [finding.field for finding in check.findings(config)]


# The published configurations of which something is refused, and what it is.
REFUSED = {
    # It finds keypoints too, which the engine does not have.
    "centernet_resnet50_v1_fpn_512x512_kpts_coco17_tpu-8": ["model.center_net.keypoint_estimation_task.0"],
}


def test_of_published_configurations_nothing_else_is_refused(shared):
    found = {path.stem: fields(text.read(path)) for path in (shared / "odapi" / "configs").glob("*.config")}
    assert len(found) >= 24
    assert {name: refused for name, refused in found.items() if refused} == REFUSED


def test_published_models_build(shared):
    pytest.importorskip("tensorflow")
    from boxwright.detector import build

    big = "faster_rcnn_resnet101"  # as the ResNet-50, and each takes seconds to fill
    for path in sorted((shared / "odapi" / "configs").glob("*.config")):
        if not path.stem.startswith(big) and path.stem not in REFUSED:
            assert build.build(text.read(path).model).variables, path.stem


def test_every_field_with_one_value_is_refused_with_another_one():
    refused = 0
    for place, (facts, _) in PLACES.items():
        for name, fact in facts.items():
            if not isinstance(fact, Only):
                continue
            config = text.parse(BUILDABLE[place.partition(".")[0]])
            message = block(config.model, place)
            field = message.DESCRIPTOR.fields_by_name[name]
            message.SetInParent()
            if fact.value is None:
                getattr(message, name).SetInParent()
            elif field.enum_type is not None:
                setattr(message, name, max(one.number for one in field.enum_type.values if one.name != fact.value))
            else:
                other = (
                    "x" if fact.value == "" else fact.value + 1 if field.type == field.TYPE_INT32 else not fact.value
                )
                setattr(message, name, other)
            assert f"model.{place}.{name}" in fields(config)
            with pytest.raises(RefusedError, match=name):
                check.require(config.model, "model")
            refused += 1
    assert refused >= 30


def test_every_choice_is_refused_or_builds():
    """Every member of every one-of that a model's block can hold, and nothing at all."""
    pytest.importorskip("tensorflow")
    from boxwright.detector import build

    outcomes = []
    for place, (_, known) in PLACES.items():
        if not known or not place.count(".") or place.endswith("initializer"):
            continue
        (choices,) = block(text.parse(BUILDABLE[place.partition(".")[0]]).model, place).DESCRIPTOR.oneofs
        for member in [None, *(field.name for field in choices.fields)]:
            config = text.parse(BUILDABLE[place.partition(".")[0]])
            message = block(config.model, place)
            if member != message.WhichOneof(choices.name):
                message.Clear()
                if member:
                    getattr(message, member).SetInParent()
                FILL.get((place, member), lambda model: None)(config.model)
            said = fields(config)
            optional = place == "faster_rcnn.second_stage_classification_loss"
            assert (f"model.{place}" in said) == (member not in known and not (member is None and optional))
            outcomes.append(bool(said))
            if said:
                with pytest.raises(UserError):
                    build.build(config.model)
            elif place.startswith("ssd") or member == "grid_anchor_generator":  # the others take a second each
                build.build(config.model)
    assert outcomes.count(True) >= 25 and outcomes.count(False) >= 25


def test_an_ssd_is_not_offered_the_anchors_of_one_map():
    config = text.parse(BUILDABLE["ssd"])
    config.model.ssd.anchor_generator.grid_anchor_generator.MergeFrom(
        text.parse("scales: 1 aspect_ratios: 1", kind="GridAnchorGenerator")
    )
    (finding,) = check.findings(config)
    assert (finding.field, finding.value) == ("model.ssd.anchor_generator", "grid_anchor_generator")
    assert finding.use == "ssd_anchor_generator"


def test_what_is_advised_builds(shared):
    """Every published configuration with another network is one that the engine takes when the advice is followed."""
    pytest.importorskip("tensorflow")
    from boxwright.detector import build

    mended = 0
    for path in sorted((shared / "odapi" / "configs").glob("*.config")):
        config = text.read(path)
        if config.model.WhichOneof("model") not in FAMILIES:
            continue
        extractor = model_of(config)[0].feature_extractor
        extractor.type = re.sub("(_keras)?$", r"_other\1", extractor.type, count=1)
        assert refused(config)
        for _ in range(3):  # one cause hides what follows from it
            advice = {finding.field: finding.use for finding in refused(config)}
            choices = {field: {use: {}} for field, use in advice.items() if field.removeprefix("model.") in CHOICES}
            apply(config, advice | choices)
        assert not refused(config), path.name
        if path.stem == "ssd_mobilenet_v1_coco":  # to fill all takes seconds each
            build.build(config.model)
        mended += 1
    assert mended >= 23


CHOICES = [place for place, (_, among) in PLACES.items() if among]


def refused(config):
    return [finding for finding in lint(config) if finding.rule in (check.UNSUPPORTED, check.IMPOSSIBLE)]


def test_what_training_would_refuse_of_the_data_is_said_before():
    refused = 0
    for place, kind in (("train_input_reader", "InputReader"), ("train_config", "TrainConfig")):
        for name, fact in spec_of(kind).fields.items():
            if not isinstance(fact, Only):
                continue
            config = text.parse(BUILDABLE["ssd"] + "train_config { batch_size: 1 }")
            setattr(getattr(config, place), name, fact.value + 1)
            assert fields(config) == [f"{place}.{name}"]
            with pytest.raises(UserError, match=name):
                check.require(config)
            refused += 1
    assert refused == 8


def test_the_reader_for_evaluation_is_not_looked_at():
    config = text.parse(BUILDABLE["ssd"] + "eval_input_reader { num_epochs: 1 max_number_of_boxes: 0 }")
    assert not check.findings(config)


FPN = """feature_extractor { type: "ssd_mobilenet_v9_fpn_keras" use_depthwise: true fpn { min_level: 3 } num_layers: 9
    conv_hyperparams { force_use_bias: true } }
  box_predictor { weight_shared_convolutional_box_predictor { } }
  anchor_generator { multiscale_anchor_generator { aspect_ratios: 1 } }
  image_resizer { fixed_shape_resizer { height: 20 } }"""


def test_one_cause_is_one_error():
    """Nothing is said of what belongs to an extractor that is not here."""
    config = text.parse(BUILDABLE["ssd"])
    config.model.ssd.MergeFrom(text.parse(FPN, kind="Ssd"))
    config.model.ssd.num_classes = 0
    assert sorted(fields(config)) == ["model.ssd.feature_extractor.type", "model.ssd.num_classes"]


PYRAMID = """num_classes: 1
  image_resizer { fixed_shape_resizer { height: 64 width: 96 } }
  feature_extractor { type: "ssd_mobilenet_v2_fpn_keras" fpn { min_level: 3 max_level: 6 } num_layers: 9 }
  box_predictor { weight_shared_convolutional_box_predictor { depth: 8 num_layers_before_predictor: 1 } }
  anchor_generator { multiscale_anchor_generator { max_level: 6 aspect_ratios: 1 } }"""


@pytest.mark.parametrize(
    ("change", "wrong", "use"),
    [
        ("", None, None),
        ("feature_extractor { fpn { max_level: 7 } }", "feature_extractor.fpn.max_level", 6),
        ("feature_extractor { fpn { min_level: 1 } }", "feature_extractor.fpn.min_level", 3),
        ("feature_extractor { fpn { max_level: 4 } }", "feature_extractor.fpn.max_level", 6),
        ("image_resizer { fixed_shape_resizer { width: 100 } }", "image_resizer.fixed_shape_resizer.width", 128),
        ("image_resizer { fixed_shape_resizer { width: 100 } } feature_extractor { pad_to_multiple: 64 }", None, None),
        (
            "image_resizer { fixed_shape_resizer { width: 99 } } feature_extractor { use_explicit_padding: true }",
            None,
            None,
        ),
        ("image_resizer { identity_resizer { } }", "feature_extractor.pad_to_multiple", 32),
        ("image_resizer { pad_to_multiple_resizer { multiple: 32 } }", None, None),
        (
            "image_resizer { pad_to_multiple_resizer { multiple: 8 } }",
            "image_resizer.pad_to_multiple_resizer.multiple",
            32,
        ),
        ("image_resizer { keep_aspect_ratio_resizer { } }", "feature_extractor.pad_to_multiple", 32),
        (
            "image_resizer { keep_aspect_ratio_resizer { pad_to_max_dimension: true max_dimension: 1000 } }",
            "image_resizer.keep_aspect_ratio_resizer.max_dimension",
            1024,
        ),
        (
            "anchor_generator { flexible_grid_anchor_generator { anchor_grid { base_sizes: 9 aspect_ratios: 1 "
            "height_stride: 8 width_stride: 8 } } }",
            "feature_extractor.fpn.max_level",
            3,
        ),
        (
            "box_predictor { weight_shared_convolutional_box_predictor { depth: 0 } }",
            "box_predictor.weight_shared_convolutional_box_predictor.depth",
            256,
        ),
        ("box_predictor { convolutional_box_predictor { } }", None, None),
        ("box_predictor { mask_rcnn_box_predictor { } }", "box_predictor", "weight_shared_convolutional_box_predictor"),
        ("feature_extractor { bifpn { } }", "feature_extractor.bifpn", None),
        ('feature_extractor { type: "ssd_mobilenet_v2" num_layers: 4 }', "feature_extractor.fpn", None),
        (
            'feature_extractor { type: "ssd_mobilenet_v2" } anchor_generator { ssd_anchor_generator { } }',
            "anchor_generator.ssd_anchor_generator.reduce_boxes_in_lowest_layer",
            False,
        ),
    ],
)
def test_a_pyramid(change, wrong, use):
    config = text.parse(BUILDABLE["ssd"])
    model = config.model.ssd
    for name in ("image_resizer", "feature_extractor", "box_predictor", "anchor_generator"):
        model.ClearField(name)
    model.MergeFrom(text.parse(PYRAMID, kind="Ssd"))
    model.MergeFrom(text.parse(change, kind="Ssd"))
    if model.anchor_generator.HasField("ssd_anchor_generator"):
        model.feature_extractor.ClearField("fpn")
        model.feature_extractor.num_layers = 6
    found = {finding.field: finding.use for finding in check.findings(config)}
    assert found == ({f"model.ssd.{wrong}": use} if wrong else {})


@pytest.mark.parametrize(
    ("written", "use"),
    [
        ('type: "ssd_spaghettinet" spaghettinet_arch_name: "spaghettinet_edgetpu_s"', None),
        ('type: "ssd_spaghettinet" spaghettinet_arch_name: "spaghettinet_edgetpu_xl"', "spaghettinet_edgetpu_m"),
        ('type: "ssd_mobilenet_v1" spaghettinet_arch_name: "spaghettinet_edgetpu_s"', ""),
    ],
)
def test_an_architecture_belongs_to_the_extractor_that_has_it(written, use):
    found = check.findings(text.parse(written, kind="SsdFeatureExtractor"))
    assert [finding.use for finding in found] == ([] if use is None else [use])
    assert all(finding.field == "spaghettinet_arch_name" for finding in found)


def test_r_fcn_has_no_crops():
    config = text.parse(BUILDABLE["faster_rcnn"].replace("mask_rcnn_box_predictor", "rfcn_box_predictor"))
    config.model.faster_rcnn.initial_crop_size = 0
    config.model.faster_rcnn.maxpool_kernel_size = 9
    assert fields(config) == []
    config.model.faster_rcnn.feature_extractor.type = "faster_rcnn_resnet50_keras"
    assert fields(config) == ["model.faster_rcnn.second_stage_box_predictor"]


def test_one_stage_has_no_second():
    config = text.parse(BUILDABLE["faster_rcnn"])
    config.model.faster_rcnn.number_of_stages = 1
    config.model.faster_rcnn.initial_crop_size = 0
    config.model.faster_rcnn.second_stage_box_predictor.Clear()
    assert not fields(config)
    config.model.faster_rcnn.number_of_stages = 3
    assert set(fields(config)) == {
        f"model.faster_rcnn.{name}" for name in ("number_of_stages", "second_stage_box_predictor", "initial_crop_size")
    }


def test_augmentations_that_the_engine_lacks_have_no_stand_in():
    """A flip is no brightness, however alike their names are spelled."""
    steps = ("autoaugment_image", "normalize_image", "rgb_to_gray", "")
    options = "".join(f"data_augmentation_options {{ {step} {'{ }' if step else ''} }}" for step in steps)
    found = check.findings(text.parse(f"{BUILDABLE['ssd']} train_config {{ {options} }}"))
    assert [finding.value for finding in found] == [*steps[:3], None]
    assert all(finding.use is None for finding in found)
    assert "leave it out" in found[0].why and "must be chosen" in found[3].why
    assert found[1].field == "train_config.data_augmentation_options.1"
    assert "normalises pixels by itself" in found[1].why and "random_rgb_to_gray" in found[2].why


def test_families_that_are_not_here_are_named_with_a_whole_configuration():
    (finding,) = check.findings(text.parse("model { experimental_model { name: 'x' } }"))
    assert (finding.field, finding.use) == ("model.experimental_model.name", None)
    why = "meta-architecture experimental_model; config/pipelines/faster_rcnn_resnet50.config is a complete"
    assert why in finding.why
    with pytest.raises(UserError, match="model is not set: it must hold one of ssd, faster_rcnn, center_net"):
        check.require(text.parse(""))


def test_an_error_has_all_findings_in_the_one_wording():
    config = text.parse(BUILDABLE["ssd"])
    config.model.ssd.num_classes = 0
    config.model.ssd.image_resizer.fixed_shape_resizer.height = 0
    config.model.ssd.box_coder.Clear()
    with pytest.raises(RefusedError) as raised:
        check.require(config.model, "model")
    assert str(raised.value).splitlines() == [
        "model.ssd.num_classes is 0: it must be 1 to 100,000.",
        "model.ssd.image_resizer.fixed_shape_resizer.height is 0: it must be 1 to 16,384. Use 300 for height.",
        "model.ssd.box_coder is not set: one must be chosen. Use 'faster_rcnn_box_coder' for box_coder.",
    ]
    assert [finding.said for finding in raised.value.findings] == str(raised.value).splitlines()
    assert not check.sound(config) and not check.sound(config.model.ssd.image_resizer)
    assert check.sound(config.model.ssd.matcher)


def test_everything_is_told_at_once_with_its_path():
    config = text.parse(BUILDABLE["ssd"])
    apply(
        config,
        {
            "model.ssd.num_classes": 0,
            "model.ssd.image_resizer.fixed_shape_resizer.height": 32,
            "model.ssd.matcher.argmax_matcher.matched_threshold": 1.5,
            "model.ssd.box_predictor.convolutional_box_predictor.kernel_size": 0,
            "model.ssd.loss.hard_example_miner.iou_threshold": -0.5,
            "train_config.batch_size": 0,
            "train_config.data_augmentation_options": [
                {"random_horizontal_flip": {}},
                {"ssd_random_crop": {"operations": [{"min_area": 0.1, "max_area": 1}]}},
            ],
            "train_config.optimizer.adam_optimizer.learning_rate.constant_learning_rate.learning_rate": -0.1,
            "train_input_reader.max_number_of_boxes": 0,
        },
    )
    findings = [finding for finding in lint(config) if finding.rule == "impossible-value"]
    crop = "train_config.data_augmentation_options.1.ssd_random_crop.operations.0"
    assert sorted((finding.field, finding.value, finding.use) for finding in findings) == [
        ("model.ssd.box_predictor.convolutional_box_predictor.kernel_size", 0, 1),
        ("model.ssd.image_resizer.fixed_shape_resizer.height", 32, 300),
        ("model.ssd.loss.hard_example_miner.iou_threshold", -0.5, 0.7),
        ("model.ssd.matcher.argmax_matcher.matched_threshold", 1.5, 0.5),
        ("model.ssd.num_classes", 0, None),
        ("train_config.batch_size", 0, 8),
        (f"{crop}.max_aspect_ratio", 0.0, 2.0),
        (f"{crop}.min_aspect_ratio", 0.0, 0.5),
        ("train_config.optimizer.adam_optimizer.learning_rate.constant_learning_rate.learning_rate", -0.1, 0.002),
        ("train_input_reader.max_number_of_boxes", 0, 100),
    ]
    assert {finding.level for finding in findings} == {"error"}


def test_no_image_is_smaller_than_the_extractors_take():
    path = "model.faster_rcnn.image_resizer"
    for resizer, sides in [
        ("fixed_shape_resizer { height: 32 width: 33 }", ["height"]),
        ("keep_aspect_ratio_resizer { min_dimension: 20 max_dimension: 99 }", ["min_dimension"]),
        ("keep_aspect_ratio_resizer { min_dimension: 20 max_dimension: 99 pad_to_max_dimension: true }", []),
        ("conditional_shape_resizer { size_threshold: 9 }", ["size_threshold"]),
        ("conditional_shape_resizer { condition: SMALLER size_threshold: 9 }", []),
    ]:
        config = text.parse(BUILDABLE["faster_rcnn"].replace("identity_resizer {}", resizer))
        small = [finding.field for finding in lint(config) if finding.field.startswith(path)]
        assert small == [f"{path}.{resizer.split()[0]}.{side}" for side in sides]


@pytest.mark.parametrize(
    "template", ["ssd_mobilenet_v1", "ssd_mobilenet_v2_fpnlite_320", "efficientdet_d0", "centernet_resnet50_v1_fpn"]
)
@pytest.mark.parametrize("side", [20, 100])
def test_the_advice_for_a_small_image_is_taken_at_once(template, side):
    """Each side has one finding, and the size that it advises is one that the feature extractor takes."""
    config = text.read(ROOT / f"config/pipelines/{template}.config")
    resizer = block(config.model, f"{config.model.WhichOneof('model')}.image_resizer")
    resizer.CopyFrom(text.parse(f"fixed_shape_resizer {{ height: {side} width: {side} }}", kind="ImageResizer"))
    found = check.findings(config)
    assert len(found) == len({finding.field for finding in found}) <= 2
    apply(config, {finding.field: finding.use for finding in found})
    assert check.sound(config)


def test_the_engine_refuses_by_the_same_rules():
    pytest.importorskip("tensorflow")
    from boxwright.detector import build

    config = text.parse(BUILDABLE["ssd"])
    config.model.ssd.box_predictor.convolutional_box_predictor.box_code_size = 3
    with pytest.raises(UserError, match=r"box_code_size is 3: faster_rcnn_box_coder .*\. Use 4 for box_code_size\."):
        build.build(config.model)
    rate = text.parse("exponential_decay_learning_rate { decay_factor: 1.5 }", kind="LearningRate")
    with pytest.raises(UserError, match=r"decay_factor is 1\.5: it must be above 0 and at most 1\. Use 0\.95 for d"):
        check.require(rate)
    option = text.parse("random_adjust_hue { max_delta: 0.6 }", kind="PreprocessingStep")
    with pytest.raises(UserError, match=r"^options\.0\.random_adjust_hue\.max_delta is 0\.6: it must be 0 to 0\.5"):
        check.require(option, "options.0")


@pytest.mark.parametrize("model", ["ssd", "faster_rcnn"])
def test_lists_of_any_length_are_refused_before_they_are_built(model):
    """Each entry is one more anchor at every place of an image, so the check comes before the anchors' own figure."""
    config = text.parse(BUILDABLE[model])
    generators = {"ssd": "ssd_anchor_generator", "faster_rcnn": "grid_anchor_generator"}
    path = f"model.{model}.{FAMILIES[model].anchor_generator}.{generators[model]}.aspect_ratios"
    apply(config, {path: [1 + index / 1000 for index in range(100_000)]})
    began = time.monotonic()
    (finding,) = [finding for finding in lint(config) if finding.field == path]
    assert finding.said == f"{path} is a list of 100,000: it can have at most 100 entries."
    with pytest.raises(UserError, match="at most 100 entries"):
        coverage.Layout(config)
    assert time.monotonic() - began < 5
    apply(config, {path: [1 + index for index in range(100)]})
    assert not [finding for finding in lint(config) if finding.field == path]


def test_a_schedule_of_any_length_is_refused():
    config = text.parse(BUILDABLE["ssd"])
    path = "train_config.optimizer.adam_optimizer.learning_rate.manual_step_learning_rate"
    steps = [{"step": step + 1, "learning_rate": 0.1} for step in range(10_001)]
    apply(config, {path: {"initial_learning_rate": 0.1, "schedule": steps}})
    assert [finding.why for finding in lint(config) if finding.field == f"{path}.schedule"] == [
        "it can have at most 10,000 entries"
    ]
