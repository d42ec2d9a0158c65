"""What is said of the engine is what the engine says."""

import pytest

from boxwright.pipeline import engine, text

pytest.importorskip("tensorflow")


def test_tables_are_those_of_the_engine():
    from boxwright.detector import extractors, faster_rcnn
    from boxwright.training import augment

    assert set(engine.EXTRACTORS["ssd"]) == set(extractors.KINDS)
    assert set(engine.EXTRACTORS["faster_rcnn"]) == set(faster_rcnn.DEPTHS)
    assert set(engine.AUGMENTATIONS) == set(augment._BUILDERS)


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
