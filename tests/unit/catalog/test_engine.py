"""What is said of the engine is what the engine says."""

import functools
from pathlib import Path

import pytest

from boxwright.catalog import engine, nearest
from boxwright.pipeline import lint_training, text
from boxwright.pipeline.lint import REFUSED, lint
from boxwright.pipeline.overrides import apply

pytest.importorskip("tensorflow")

# Models of which nothing is refused.
BUILDABLE = {
    "ssd": """model { ssd { num_classes: 1
      image_resizer { fixed_shape_resizer { height: 64 width: 64 } }
      feature_extractor { type: "ssd_mobilenet_v1" depth_multiplier: 0.1 }
      box_coder { faster_rcnn_box_coder {} }
      matcher { argmax_matcher {} }
      similarity_calculator { iou_similarity {} }
      box_predictor { convolutional_box_predictor {} }
      loss { classification_loss { weighted_sigmoid {} } localization_loss { weighted_smooth_l1 {} } }
      anchor_generator { ssd_anchor_generator { aspect_ratios: 1.0 } } } }""",
    "faster_rcnn": """model { faster_rcnn { num_classes: 1
      image_resizer { identity_resizer {} }
      feature_extractor { type: "faster_rcnn_resnet50" }
      first_stage_anchor_generator { grid_anchor_generator { scales: 1.0 aspect_ratios: 1.0 } }
      initial_crop_size: 14
      second_stage_box_predictor { mask_rcnn_box_predictor {} } } }""",
}


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
    """The message at a place as the tables of the engine name it, `ssd.loss`."""
    return functools.reduce(getattr, place.split("."), model)


def build(model, place):
    """Build a model, or the part of its second stage at `place` alone: the first one takes a second to fill."""
    from boxwright.boxes import nms
    from boxwright.detector.build import builder
    from boxwright.detector.heads.mask_rcnn import MaskRcnnBoxPredictor
    from boxwright.detector.layers import Variables

    if "second_stage" not in place:
        builder.build(model)
    elif "mask_rcnn_box_predictor" in place:
        message = model.faster_rcnn.second_stage_box_predictor.mask_rcnn_box_predictor
        MaskRcnnBoxPredictor(Variables(0), "SecondStageBoxPredictor", 8, 1, message, "mask_rcnn_box_predictor")
    else:
        nms.score_converter(model.faster_rcnn.second_stage_post_processing)
        nms.from_config(model.faster_rcnn.second_stage_post_processing.batch_non_max_suppression)


def test_tables_are_those_of_the_engine():
    from boxwright.detector.build import extractors
    from boxwright.detector.families import faster_rcnn

    assert set(engine.EXTRACTORS["ssd"]) == set(extractors.KINDS)
    assert set(engine.EXTRACTORS["faster_rcnn"]) == set(faster_rcnn.DEPTHS)
    assert extractors.BASE.batch_norm.decay == lint_training.BACKBONE_DECAY


def test_published_models_build_unless_they_are_said_to_be_unsupported(shared):
    from boxwright.core.errors import UserError
    from boxwright.detector.build import builder

    big = "faster_rcnn_resnet101"  # as the ResNet-50, and each takes seconds to fill
    for path in sorted((shared / "odapi" / "configs").glob("*.config")):
        if path.stem.startswith(big):
            continue
        config = text.read(path)
        said = [entry for entry in engine.unsupported(config) if entry[0].startswith("model.")]
        try:
            builder.build(config.model)
        except UserError as error:
            assert said, f"{path.name}: {error}"
        else:
            assert not said, path.name


def test_every_field_with_one_value_is_refused_with_another_one_here_and_there():
    from boxwright.core.errors import UserError

    refused = 0
    for place, supported in engine.ONLY.items():
        for name, only in supported.items():
            config = text.parse(BUILDABLE[place.partition(".")[0]])
            if place.startswith("faster_rcnn") and "second_stage" not in place:
                config.model.faster_rcnn.number_of_stages = 1
            message = block(config.model, place)
            field = message.DESCRIPTOR.fields_by_name[name]
            if only is None:
                getattr(message, name).SetInParent()
            elif field.enum_type is not None:
                setattr(message, name, max(field.enum_type.values_by_number))
            else:
                setattr(message, name, "x" if only == "" else only + 1 if field.type == field.TYPE_INT32 else not only)
            assert f"model.{place}.{name}" in [entry[0] for entry in engine.unsupported(config)]
            with pytest.raises(UserError, match=name):
                build(config.model, place)
            refused += 1
    assert refused >= 30


def test_every_choice_is_taken_or_refused_alike_here_and_there():
    """Every member of every one-of that an engine's block can hold, and nothing at all."""
    from boxwright.core.errors import UserError
    from boxwright.detector.build import builder

    outcomes = []
    for place, known in engine.CHOICES.items():
        (choices,) = block(text.parse(BUILDABLE[place.partition(".")[0]]).model, place).DESCRIPTOR.oneofs
        for member in [None, *(field.name for field in choices.fields)]:
            config = text.parse(BUILDABLE[place.partition(".")[0]])
            message = block(config.model, place)
            if member != message.WhichOneof(choices.name):
                message.Clear()
                if member:
                    getattr(message, member).SetInParent()
                FILL.get((place, member), lambda model: None)(config.model)
            said = [entry[0] for entry in engine.unsupported(config)]
            assert (f"model.{place}" in said) == (member not in known)
            outcomes.append(bool(said))
            if said:
                with pytest.raises(UserError):
                    builder.build(config.model)
            elif place.startswith("ssd") or member == "grid_anchor_generator":  # the others take a second each
                builder.build(config.model)
    assert outcomes.count(True) >= 25 and outcomes.count(False) >= 25


def test_what_is_advised_builds(shared):
    """Every published configuration is one that the engine takes when each advice on its model is followed."""
    from boxwright.detector.build import builder
    from boxwright.detector.families import faster_rcnn

    mended = 0
    for path in sorted((shared / "odapi" / "configs").glob("*.config")):
        config = text.read(path)
        advice = {finding.field: finding.use for finding in lint(config) if finding.rule in REFUSED[:2]}
        if not advice or "model.center_net.feature_extractor.type" in advice:
            continue
        chosen = {field: {use: {}} for field, use in advice.items() if field.removeprefix("model.") in engine.CHOICES}
        apply(config, advice | chosen)
        assert not [finding for finding in lint(config) if finding.rule in REFUSED[:2]], path.name
        if config.model.HasField("ssd"):
            builder.build(config.model)
        else:  # to fill one takes seconds
            faster_rcnn._check(config.model.faster_rcnn)
        mended += 1
    assert mended == 11


def test_what_training_would_refuse_of_the_data_is_said_before():
    for place, supported in engine.DATA.items():
        for name, only in supported.items():
            config = text.parse(BUILDABLE["ssd"] + "train_config { batch_size: 1 }")
            setattr(getattr(config, place), name, only + 1)
            assert [entry[0] for entry in engine.unsupported(config)] == [f"{place}.{name}"]


@pytest.mark.parametrize(
    ("meta_architecture", "kind", "extractor", "template"),
    [
        ("ssd", "ssd_mobilenet_v1_ppn", "ssd_mobilenet_v1", "ssd_mobilenet_v1"),
        ("ssd", "embedded_ssd_mobilenet_v1", "ssd_mobilenet_v1", "ssd_mobilenet_v1"),
        ("ssd", "ssd_mobilenet_v1_fpn_keras", "ssd_mobilenet_v1_keras", "ssd_mobilenet_v1"),
        ("ssd", "ssd_mobilnet_v1", "ssd_mobilenet_v1", "ssd_mobilenet_v1"),
        ("ssd", "ssd_mobilenet_v2_mnasfpn", "ssd_mobilenet_v2", "ssd_mobilenet_v2"),
        ("ssd", "ssd_mobilenet_v3_large", "ssd_mobilenet_v2", "ssd_mobilenet_v2"),
        ("ssd", "ssd_mobilenet_edgetpu", "ssd_mobilenet_v2", "ssd_mobilenet_v2"),
        ("ssd", "ssd_mobiledet_dsp", "ssd_mobilenet_v2", "ssd_mobilenet_v2"),
        ("ssd", "ssd_inception_v2", "ssd_mobilenet_v2", "ssd_mobilenet_v2"),
        ("ssd", "ssd_resnet101_v1_fpn", "ssd_mobilenet_v2", "ssd_mobilenet_v2"),
        ("ssd", "ssd_resnet50_v1_fpn_keras", "ssd_mobilenet_v2_keras", "ssd_mobilenet_v2"),
        ("ssd", "ssd_efficientnet-b0_bifpn_keras", "ssd_mobilenet_v2_keras", "ssd_mobilenet_v2"),
        ("ssd", "ssd_spaghettinet", "ssd_mobilenet_v2", "ssd_mobilenet_v2"),
        ("faster_rcnn", "faster_rcnn_inception_v2", "faster_rcnn_resnet50", "faster_rcnn_resnet50"),
        ("faster_rcnn", "faster_rcnn_inception_resnet_v2_keras", "faster_rcnn_resnet101", "faster_rcnn_resnet101"),
        ("faster_rcnn", "faster_rcnn_nas", "faster_rcnn_resnet101", "faster_rcnn_resnet101"),
        ("faster_rcnn", "faster_rcnn_pnas", "faster_rcnn_resnet101", "faster_rcnn_resnet101"),
        ("faster_rcnn", "faster_rcnn_resnet50_fpn_keras", "faster_rcnn_resnet50", "faster_rcnn_resnet50"),
        ("faster_rcnn", "faster_rcnn_resnet152_keras", "faster_rcnn_resnet152", "faster_rcnn_resnet101"),
        ("center_net", "hourglass_104", "faster_rcnn_resnet101", "faster_rcnn_resnet101"),
        ("center_net", "resnet_v1_50_fpn", "faster_rcnn_resnet50", "faster_rcnn_resnet50"),
        ("center_net", "resnet_v2_101", "faster_rcnn_resnet101", "faster_rcnn_resnet101"),
        ("center_net", "mobilenet_v2_fpn", "ssd_mobilenet_v2_keras", "ssd_mobilenet_v2"),
        ("experimental_model", "", "faster_rcnn_resnet50", "faster_rcnn_resnet50"),
    ],
)
def test_the_nearest_extractor_and_a_configuration_with_it(meta_architecture, kind, extractor, template):
    found = nearest.extractor(meta_architecture, kind)
    assert found == extractor and found in sum(nearest.EXTRACTORS.values(), ())
    file = nearest.template(found)
    assert file == f"config/pipelines/{template}.config"
    root = Path(__file__).parents[3]
    assert not list(engine.unsupported(text.read(root / file)))
    lite = nearest.template("ssd_mobilenet_v2", depthwise=True)
    assert text.read(root / lite).model.ssd.box_predictor.convolutional_box_predictor.use_depthwise
