"""What a run says that it will do, and why."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.factories import SSD_PARTS

from boxwright.catalog import forms
from boxwright.console.checksums import Checksums
from boxwright.console.planned import CHANGED, DAMAGED, FORCED, MISSING, UPSTREAM, Planned
from boxwright.pipeline import text
from boxwright.run import announcement

CONFIG = f"""model {{ ssd {{ num_classes: 1 feature_extractor {{ type: "ssd_mobilenet_v1" }} {SSD_PARTS} }} }}
train_config {{ batch_size: 8 optimizer {{ adam_optimizer {{ learning_rate {{ constant_learning_rate {{ }} }} }} }} }}
"""


@pytest.fixture
def plan(tmp_path):
    """The part of a run's plan that matters here: a model saved at steps 200, 400 and 600."""
    results = tmp_path / "results"
    (results / "models/m/train/log").mkdir(parents=True)
    (results / "models/m/pipeline.config").write_text(CONFIG)
    return SimpleNamespace(
        results=str(results),
        plan_folder=str(results / "data/plan"),
        settings={"dataset": {"label_map": None, "records": None}},
        data=SimpleNamespace(
            counts={side: {"classes": {"cat": 3}} for side in ("train", "eval")},
            identities={},
            classes={"cat": 1},
            summary=f"5 images (each case is in {results}/data/checks.tsv):",
        ),
        sides=["train", "eval"],
        forms=[forms.named(name) for name in ("frozen_graph", "onnx")],
        models=["m"],
        configurations={"m": text.parse(CONFIG)},
        steps=lambda name: [200, 400, 600],
        shown=lambda name: name,
        model=lambda name: {"early_stopping": None},
        checkpoint=lambda name, step: [f"{results}/models/{name}/train/model.ckpt-{step}.index"],
    )


def job(plan, rule, cause=MISSING, made=None, identity=None, **wildcards):
    """A planned job; `made` is the identity that its result was made with."""
    output = Path(plan.results) / "models/m" / f"{rule}-{wildcards.get('step', '')}.json"
    if made is not None:
        output.write_text("{}")
        Checksums(plan.results).write([output], made_with={"identity": made})
    return Planned(1, rule, {"model": "m", **wildcards}, [str(output)], identity, cause)


def said(plan, *jobs):
    return announcement.text_of(plan, jobs, Checksums(plan.results))


def test_nothing_to_do_says_nothing(plan):
    assert said(plan) == ""


def test_a_form_that_a_finished_detector_lacks_is_new(plan):
    folder = Path(plan.results) / "models/m" / forms.FOLDER
    export = Planned(1, "export_form", {"model": "m"}, [str(folder / "detector.onnx")], None, MISSING)
    assert said(plan, export) == "To do: no training, 1 exported form."
    folder.mkdir()
    (folder / forms.SUMMARY).write_text("{}")
    assert "  - new in `export.forms`: ONNX model\n" in said(plan, export)
    (folder / "detector.onnx").write_text("x")
    Checksums(plan.results).write([folder / "detector.onnx"], made_with={"identity": {}})
    (folder / "detector.onnx").unlink()
    assert "new in" not in said(plan, export)


def test_a_damaged_result_and_one_that_was_asked_for(plan):
    damaged = job(plan, "predict_images", cause=FORCED, made={}, identity={})
    checksums = Checksums(plan.results)
    assert announcement.why(damaged, checksums) == FORCED
    Path(damaged.outputs[0]).write_text("more")
    assert announcement.why(damaged, checksums) == DAMAGED


def test_a_first_run(plan):
    jobs = [job(plan, "write_records"), job(plan, "write_records"), job(plan, "all")]
    jobs += [job(plan, "train_segment", step=str(step)) for step in (200, 400, 600)]
    jobs += [job(plan, "evaluate_checkpoint", step=str(step)) for step in (200, 400, 600)]
    rules = ("bundle_form", "export_detector", "export_form", "measure_form", "predict_images")
    jobs += [job(plan, rule) for rule in (*rules, "test_form", "draw_model")]
    assert said(plan, *jobs) == (
        "To do: training of m (600 steps), 2 shards of records, 3 evaluations, 1 exported checkpoint, 1 exported "
        "form, 1 measurement of an exported form, 1 test on the test images, 1 set of predictions, 1 bundle, 1 small "
        "job (tables, figures)."
    )


@pytest.mark.parametrize(("dry", "rule", "printed"), [(True, "check_annotations", True), (True, "draw_model", False)])
def test_a_dry_run_prints_what_a_job_prints_of_the_data_in_a_run(plan, dry, rule, printed, capsys):
    announcement.say_all(plan, [job(plan, rule)], dry=dry)
    told = f"5 images (each case is in {plan.plan_folder}/checks.tsv):\nTo do: "
    assert (told in capsys.readouterr().err) == printed
    announcement.say_all(plan, [job(plan, rule)])
    assert "5 images" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rule", "before", "now", "lines"),
    [
        ("train_segment", {"seed": 0, "data": "a"}, {"seed": 1, "data": "b"}, ["models.m: seed 0 -> 1"]),
        (
            "train_segment",
            {"precision": "float32", "loss_scale": None, "start": "a"},
            {"precision": "float16", "loss_scale": "dynamic", "start": "b"},
            ["the start weights (`checkpoint`) changed", "models.m: precision float32 -> float16"],
        ),
        (
            "evaluate_checkpoint",
            {"config": "a"},
            {"config": "a", "inference_precision": "bfloat16"},
            ["models.m: inference_precision float32 -> bfloat16"],
        ),
        ("preview_training", {"steps": [3, 6]}, {"steps": [3, 6, 9]}, ["models.m: num_steps 6 -> 9"]),
        (
            "preview_training",
            {"steps": [3, 6]},
            {"steps": [4, 8, 9]},
            ["models.m: num_steps 6 -> 9", "models.m: checkpoint_every 3 -> 4"],
        ),
        ("preview_training", {"steps": [3, 6]}, {"steps": [6]}, ["models.m: checkpoint_every changed"]),
        ("compare_forms", {"gate": "warn"}, {"gate": "fail"}, ["`export.gate` warn -> fail"]),
    ],
)
def test_the_settings_that_changed_with_their_values(plan, rule, before, now, lines):
    told = said(plan, job(plan, rule, CHANGED, before, now, step="200"))
    assert told.splitlines()[:-1] == ["Changed since the last run:", *(f"  - {line}" for line in lines)]


def test_more_steps_that_stretch_a_schedule_are_told_once(plan, monkeypatch):
    stretched = "num_steps 6 -> 9 stretches the cosine schedule"
    monkeypatch.setattr(announcement, "_fields", lambda plan, name, rule: [f"models.m: {stretched}"])
    jobs = [
        job(plan, "preview_training", CHANGED, {"steps": [3, 6]}, {"steps": [3, 6, 9]}),
        job(plan, "train_segment", CHANGED, {"config": "a"}, {"config": "b"}, step="200"),
    ]
    assert said(plan, *jobs).splitlines()[:-1] == ["Changed since the last run:", f"  - models.m: {stretched}"]


def test_training_that_replaces_checkpoints_with_its_time(plan):
    folder = Path(plan.results) / "models/m/train"
    (folder / "model.ckpt-400.index").write_bytes(b"index")
    entries = [{"step": step, "steps_per_sec": pace} for step, pace in ((1, 0.1), (2, 2.0), (3, 2.0), (4, 4.0))]
    (folder / "log/200.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    jobs = [job(plan, "train_segment", step=str(step)) for step in (400, 600)]
    assert said(plan, *jobs) == "To do: training of m (400 steps, about 3 min, replaces 1 checkpoint)."
    plan.model = lambda name: {"early_stopping": {"patience": 2}}
    assert "(at most 400 steps, " in said(plan, *jobs)


def test_no_training_is_said(plan):
    changed = job(
        plan, "predict_images", CHANGED, {"score_threshold": 0.5, "code": "c"}, {"score_threshold": 0.3, "code": "c"}
    )
    assert said(plan, changed) == (
        "Changed since the last run:\n"
        "  - `predict.score_threshold` 0.5 -> 0.3\n"
        f"To do: no training, 1 set of predictions; this replaces {changed.outputs[0]}."
    )
    assert announcement.why(changed, Checksums(plan.results)) == "changed: `predict.score_threshold`"


def test_the_field_of_the_evaluation_that_changed(plan):
    plan.configurations["m"].model.ssd.post_processing.batch_non_max_suppression.score_threshold = 0.3
    changed = job(plan, "evaluate_checkpoint", CHANGED, {"config": "a"}, {"config": "b"}, step="200")
    line = "models.m: model.ssd.post_processing.batch_non_max_suppression.score_threshold not set -> 0.3"
    assert f"  - {line}" in said(plan, changed)
    assert "To do: no training, 1 evaluation." in said(plan, changed)


def test_another_version_of_the_code(plan):
    jobs = [job(plan, rule, CHANGED, {"code": "a"}, {"code": "b"}) for rule in ("draw_model", "compare_models")]
    assert "  - another version of boxwright: draw model, compare models\n" in said(plan, *jobs)
    assert announcement.why(jobs[0], Checksums(plan.results)) == "changed: the code (another version of boxwright)"


def test_the_evaluation_images_are_not_those_of_a_setting(plan):
    for predictions, told in (("predictions", False), ("predictions-new", True)):
        changed = job(plan, "predict_images", CHANGED, {"images": "a"}, {"images": "b"}, predictions=predictions)
        assert ("the images to predict on (`predict.images`) changed" in said(plan, changed)) == told


def test_why_without_a_receipt(plan):
    assert announcement.why(job(plan, "draw_model"), Checksums(plan.results)) == MISSING
    assert announcement.why(job(plan, "compare_forms", UPSTREAM), Checksums(plan.results)) == UPSTREAM


def test_what_people_use_outside_of_the_run_is_replaced_with_a_word(plan):
    folder = Path(plan.results) / "models/m/predictions"
    predict = Planned(1, "predict_images", {"model": "m"}, [str(folder)], None, CHANGED)
    assert said(plan, predict) == "To do: no training, 1 set of predictions."
    folder.mkdir()
    assert said(plan, predict) == f"To do: no training, 1 set of predictions; this replaces {folder}."
    index = Path(plan.results) / "models/m/fine_tuned_model/model.ckpt.index"
    index.parent.mkdir()
    index.write_bytes(b"")
    export = Planned(2, "export_detector", {"model": "m"}, [str(index)], None, CHANGED)
    assert said(plan, export, predict).endswith(f"; this replaces {index.parent}, {folder}.")


def test_each_exported_file_and_folder_that_is_replaced_is_named_once(plan):
    """A form that is written again alone, and further exported checkpoints; of a whole new detector only its folder."""
    model = Path(plan.results) / "models/m"
    index, int8 = (model / "fine_tuned_model" / name for name in ("model.ckpt.index", "detector_int8.tflite"))
    further = model / "fine_tuned_model-200" / index.name
    for path in (index, int8, further):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    jobs = [
        Planned(number, f"export_{rule}", {"model": "m"}, [str(path)], None, CHANGED)
        for number, (rule, path) in enumerate(
            [("form", int8), ("detector", further), ("form", model / "fine_tuned_model/detector.onnx")]
        )
    ]
    replaced = f"this replaces {int8}, {further.parent}."
    assert said(plan, *jobs).endswith(f"1 exported checkpoint, 2 exported forms; {replaced}")
    whole = Planned(9, "export_detector", {"model": "m"}, [str(index)], None, CHANGED)
    assert said(plan, *jobs, whole).endswith(f"; this replaces {further.parent}, {index.parent}.")
