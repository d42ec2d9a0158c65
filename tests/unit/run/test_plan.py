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


def test_each_folder_to_predict_on_has_predictions_of_its_own(tmp_path, monkeypatch):
    """Those of one folder depend on its images and not on those of another."""
    monkeypatch.chdir(tmp_path)
    demo.draw(Path("drawn"), images=8, seed=1)
    demo.draw(Path("street"), images=1, seed=2)
    demo.draw(Path("night"), images=1, seed=3)
    model = {"pipeline": str(TEMPLATES / "demo_ssd.config"), "num_steps": 2, "checkpoint_every": 2}
    config = {"dataset": {"images": "drawn/images", "annotations": "drawn/annotations"}, "models": {"m": model}}

    def planned(images):
        plan = RunPlan(config | {"predict": {"images": images}}, plan_data=True)
        found = {name: Identities(plan).predict_images("m", folder) for name, folder in plan.predicted.items()}
        return plan.predicted, found

    assert planned(None)[0] == {"predictions": None}
    assert planned("street")[0] == {"predictions-street": "street"}
    names, before = planned(["street", "night/images"])
    assert names == {"predictions-street": "street", "predictions-images": "night/images"}
    next(Path("night/images").iterdir()).write_bytes(b"another")
    after = planned(["street", "night/images"])[1]
    assert after["predictions-street"] == before["predictions-street"] == planned("street")[1]["predictions-street"]
    assert after["predictions-images"] != before["predictions-images"]
