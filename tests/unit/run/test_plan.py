"""The plan of a run: what its models have."""

from pathlib import Path

from boxwright.dataset import demo
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan

TEMPLATES = Path(__file__).resolve().parents[3] / "config/pipelines"


def test_a_model_without_anchors_has_no_figure_of_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    demo.draw(Path("drawn"), images=8, seed=1)
    templates = {"points": "centernet_resnet50_v1_fpn", "anchors": "ssd_mobilenet_v1"}
    models = {
        name: {"pipeline": str(TEMPLATES / f"{file}.config"), "num_steps": 2, "checkpoint_every": 2}
        for name, file in templates.items()
    }
    config = {"dataset": {"images": "drawn/images", "annotations": "drawn/annotations"}, "models": models}
    plan = RunPlan(config, plan_data=True)
    assert plan.with_anchors == ["anchors"]
    assert {"config", "data", "start", "code"} <= Identities(plan).train_segment("points").keys()
