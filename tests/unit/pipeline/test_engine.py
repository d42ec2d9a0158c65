"""What is said of the engine is what the engine says."""

import pytest

from boxwright.pipeline import engine, lint, text

pytest.importorskip("tensorflow")

# Models of which nothing is refused.
BUILDABLE = {
    "ssd": """model { ssd { num_classes: 1
      image_resizer { fixed_shape_resizer { height: 64 width: 64 } }
      feature_extractor { type: "ssd_mobilenet_v1" depth_multiplier: 0.1 }
      box_predictor { convolutional_box_predictor {} }
      anchor_generator { ssd_anchor_generator { aspect_ratios: 1.0 } } } }""",
    "faster_rcnn": """model { faster_rcnn { num_classes: 1
      image_resizer { identity_resizer {} }
      feature_extractor { type: "faster_rcnn_resnet50" }
      first_stage_anchor_generator { grid_anchor_generator {} }
      number_of_stages: 1 } }""",
}


def test_tables_are_those_of_the_engine():
    from boxwright.detector import extractors, faster_rcnn
    from boxwright.training import augment

    assert set(engine.EXTRACTORS["ssd"]) == set(extractors.KINDS)
    assert set(engine.EXTRACTORS["faster_rcnn"]) == set(faster_rcnn.DEPTHS)
    assert set(engine.AUGMENTATIONS) == set(augment._BUILDERS)
    assert extractors.BASE.batch_norm.decay == lint.BACKBONE_DECAY


def test_published_models_build_unless_they_are_said_to_be_unsupported(shared):
    from boxwright.detector import builder
    from boxwright.errors import UserError

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
    from boxwright.detector import builder, support

    refused = 0
    for place, supported in engine.ONLY.items():
        for name, only in supported.items():
            config = text.parse(BUILDABLE[place.partition(".")[0]])
            message = config.model
            for part in place.split("."):
                message = getattr(message, part)
            field = message.DESCRIPTOR.fields_by_name[name]
            if only is None:
                getattr(message, name).SetInParent()
            elif field.enum_type is not None:
                setattr(message, name, max(field.enum_type.values_by_number))
            else:
                setattr(message, name, "x" if only == "" else only + 1 if field.type == field.TYPE_INT32 else not only)
            assert f"model.{place}.{name}" in [entry[0] for entry in engine.unsupported(config)]
            with pytest.raises(support.UnsupportedError, match=name):
                builder.build(config.model)
            refused += 1
    assert refused >= 15
