"""What is known of the configurations that a model had, and whether they use other parts of the code."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.factories import DataSet
from tests.workflow.conftest import ROOT, small_model

from boxwright.console.checksums import Checksums
from boxwright.dataset.samples import Box
from boxwright.pipeline import text
from boxwright.run import earlier
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = DataSet(tmp_path / "data")
    for name in ("a.jpg", "b.jpg"):
        data.sample(name, Box("cat", 8, 6, 20, 30))
    dataset = {"images": str(data.images), "annotations": str(data.annotations)}
    return RunPlan({"dataset": dataset, "models": {"m": small_model()}}, plan_data=True)


def another_optimizer(plan):
    config = text.parse(text.to_text(plan.configurations["m"]))
    config.train_config.optimizer.rms_prop_optimizer.SetInParent()
    assert config != plan.configurations["m"]
    return config


def had(plan, config):
    """Let the model have had a configuration."""
    path = Path(plan.results) / "models/m/pipeline.config"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.to_text(config))


def of_checkpoint(plan, step, config):
    index = Path(plan.checkpoint("m", step)[0])
    index.parent.mkdir(parents=True, exist_ok=True)
    index.write_bytes(b"index")
    Checksums(plan.results).write([index], made_with={"config": text.to_text(config)})


def others(plan, rule, *changed):
    return Identities(plan).uses_other_parts(rule, "m", changed)


def test_another_optimizer_is_other_code_of_the_same_version(plan):
    had(plan, another_optimizer(plan))
    assert others(plan, "train_segment", "config", "code")
    assert not others(plan, "train_segment", "code"), "the same configuration uses the same parts"
    assert not others(plan, "evaluate_checkpoint", "config", "code"), "an evaluation has no optimizer"
    assert not others(plan, "draw_model", "code")


def test_with_the_same_parts_other_code_is_another_version(plan):
    had(plan, plan.configurations["m"])
    assert not others(plan, "train_segment", "config", "code")


def test_what_nobody_knows_is_called_no_other_version(plan):
    assert others(plan, "train_segment", "config", "code")
    had(plan, plan.configurations["m"])  # by a run that was interrupted before it trained
    of_checkpoint(plan, 3, another_optimizer(plan))
    assert others(plan, "train_segment", "config", "code")


def test_the_runtime_of_the_main_form_may_be_another_one(plan):
    assert others(plan, "predict_images", "detector", "code")
    assert not others(plan, "predict_images", "code")


def test_a_configuration_with_parts_that_this_version_lacks(plan):
    config = another_optimizer(plan)
    config.model.ssd.feature_extractor.type = "ssd_of_tomorrow"
    had(plan, config)
    assert others(plan, "train_segment", "config", "code")


def test_all_configurations_that_a_model_had(plan):
    last, first = plan.configurations["m"], another_optimizer(plan)
    had(plan, last)
    for step, config in ((3, first), (6, first)):
        of_checkpoint(plan, step, config)
    assert earlier.configurations(plan.results, "m") == [last, first]
    (Path(plan.results) / "models/m/pipeline.config").write_text("model {")
    assert earlier.configurations(plan.results, "m") == [first]


def test_the_parts_of_earlier_configurations_are_looked_for_without_tensorflow():
    """Which takes seconds to import, and logs lines of its own."""
    lines = (
        "import sys",
        "from boxwright.pipeline import text",
        "from boxwright.run import identities",
        f"assert identities._is_known(text.read({str(ROOT / 'config/pipelines/ssd_mobilenet_v1.config')!r}))",
        "assert 'tensorflow' not in sys.modules",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
