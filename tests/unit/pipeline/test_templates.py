"""The templates in config/pipelines."""

from pathlib import Path

import pytest

from boxwright.pipeline import text
from boxwright.pipeline.lint import lint
from boxwright.pipeline.patch import patch
from boxwright.protos import model_of

TEMPLATES = sorted((Path(__file__).resolve().parents[3] / "config" / "pipelines").glob("*.config"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_template_parses_patches_and_has_no_deprecated_field(path):
    document = text.read_document(path)
    assert document.notes == []
    settings = {"num_classes": 2, "label_map_path": "l", "train_records": "t", "eval_records": "e", "num_steps": 500}
    new, _ = patch(document.config, **settings, checkpoint="c")
    assert model_of(new)[0].num_classes == 2
    # The backbone of an EfficientDet cannot be frozen.
    told = ["batch-norm-not-frozen"] if path.stem.startswith("efficientdet") else []
    assert [finding.rule for finding in lint(document.config)] == [finding.rule for finding in lint(new)] == told
    assert "PATH_TO_BE_CONFIGURED" not in text.to_text(new)
    assert not document.config.train_config.optimizer.use_moving_average
    assert path.read_text().startswith("#"), "the header says what the template is for"


def test_there_are_templates():
    assert {path.name for path in TEMPLATES} >= {"ssd_mobilenet_v1.config", "demo_ssd.config"}
