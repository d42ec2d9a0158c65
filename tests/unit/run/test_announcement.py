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
from boxwright.training import saved

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


class Identities:
    """The same version of boxwright, with or without other parts of its code."""

    def __init__(self, other_parts=False):
        self.other_parts = other_parts

    def uses_other_parts(self, rule, name, changed):
        return self.other_parts

    def train_segment(self, name):
        return {"seed": 0}

    def training_settings(self, name):
        return {"seed": 0, "tf_threads": 2}


def said(plan, *jobs, other_parts=False):
    return announcement.text_of(plan, Identities(other_parts), jobs, Checksums(plan.results))


def why(plan, job, other_parts=False):
    return announcement.why(job, Identities(other_parts), Checksums(plan.results))


def test_nothing_to_do_says_nothing(plan):
    assert said(plan) == ""


@pytest.mark.parametrize("summary", [{"forms": {"frozen_graph": {}, "tflite": {}, "openvino": {}}}, {}])
def test_a_form_that_is_not_asked_for_any_more_is_told(plan, summary):
    folders = [Path(plan.results) / "models/m" / f"{forms.FOLDER}{further}" for further in ("", "-200")]
    for folder in folders:
        folder.mkdir()
        (folder / "detector.tflite").write_bytes(b"TFL3")
        (folder / forms.SUMMARY).write_text(json.dumps(summary))
    compare = job(plan, "compare_forms", CHANGED, {"forms": 1}, {"forms": 2})
    files = [f"{folder}/detector.tflite" for folder in folders]
    told = f"  - no longer in `export.forms`: TFLite file; {', '.join(files)} stay and are not made again\n"
    assert (told in said(plan, compare)) == bool(summary)
    assert "OpenVINO" not in said(plan, compare), "its files are gone"
    Path(files[1]).unlink()
    assert (f"{files[0]} stays and is not made again\n" in said(plan, compare)) == bool(summary)


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
    assert why(plan, damaged) == FORCED
    Path(damaged.outputs[0]).write_text("more")
    assert why(plan, damaged) == DAMAGED


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


@pytest.mark.parametrize("dry", [True, False])
@pytest.mark.parametrize(
    ("rule", "printed"), [("check_annotations", True), ("split_dataset", True), ("draw_model", False)]
)
def test_what_was_found_in_the_data_is_printed_first(plan, dry, rule, printed, capsys):
    announcement.say_all(plan, Identities(), [job(plan, rule)], dry=dry)
    folder = plan.plan_folder if dry else f"{plan.results}/data"  # where the table lies
    told = f"5 images (each case is in {folder}/checks.tsv):\nTo do: "
    assert (told in capsys.readouterr().err) == printed


@pytest.mark.parametrize(
    ("rule", "before", "now", "lines"),
    [
        ("train_segment", {"seed": 0, "data": "a"}, {"seed": 1, "data": "b"}, ["models.m: seed 0 -> 1"]),
        (
            "train_segment",
            {"precision": "float32", "loss_scale": None, "start": "a"},
            {"precision": "float16", "loss_scale": "dynamic", "start": "b"},
            ["models.m: start weights: the files of `checkpoint` a changed", "models.m: precision float32 -> float16"],
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
    config = CONFIG.replace("batch_size: 8", 'batch_size: 8 fine_tune_checkpoint: "a"')
    (Path(plan.results) / "models/m/pipeline.config").write_text(config)
    plan.configurations["m"] = text.parse(config)
    told = said(plan, job(plan, rule, CHANGED, before, now, step="200"))
    assert told.splitlines()[:-1] == ["Changed since the last run:", *(f"  - {line}" for line in lines)]


def test_more_steps_that_stretch_a_schedule_are_told_without_its_sentence(plan):
    """`restarts` has just told it."""
    cosine = CONFIG.replace("constant_learning_rate { }", "cosine_decay_learning_rate { total_steps: %d }")
    before, now = (cosine.replace("batch_size: 8", f"batch_size: 8 num_steps: {n}") % n for n in (6, 9))
    (Path(plan.results) / "models/m/pipeline.config").write_text(before)
    plan.configurations["m"] = text.parse(now)
    jobs = [
        job(plan, "preview_training", CHANGED, {"steps": [3, 6]}, {"steps": [3, 6, 9]}),
        job(plan, "train_segment", CHANGED, {"config": "a"}, {"config": "b"}, step="200"),
    ]
    for some in (jobs, jobs[1:]):
        told = said(plan, *some).splitlines()[:-1]
        assert told == ["Changed since the last run:", "  - models.m: num_steps 6 -> 9"]


@pytest.mark.parametrize(
    ("before", "now", "line"),
    [
        ("a/model.ckpt", "", "`checkpoint` a/model.ckpt -> none"),
        ("", "a/model.ckpt", "`checkpoint` none -> a/model.ckpt"),
        ("a/model.ckpt", "resources/zoo/ssd/model.ckpt", "`checkpoint` a/model.ckpt -> zoo:ssd"),
    ],
)
def test_other_start_weights(plan, before, now, line):
    """The fields that come and go with them are not told as well."""
    with_start = 'fine_tune_checkpoint: "%s" fine_tune_checkpoint_type: "detection"'
    texts = [CONFIG.replace("batch_size: 8", "batch_size: 8 " + with_start % one * bool(one)) for one in (before, now)]
    (Path(plan.results) / "models/m/pipeline.config").write_text(texts[0])
    plan.configurations["m"] = text.parse(texts[1])
    starts = [{"start": one or None, "config": str(bool(one))} for one in (before, now)]
    changed = job(plan, "train_segment", CHANGED, *starts, step="200")
    assert said(plan, changed).splitlines()[1:-1] == [f"  - models.m: start weights: {line}"]
    assert why(plan, changed).startswith("changed: ") and "the start weights" in why(plan, changed)
    assert "version" not in why(plan, changed)


def checkpoint_of(plan, name, step, identity):
    index = Path(plan.results) / f"models/{name}/train/model.ckpt-{step}.index"
    index.parent.mkdir(parents=True, exist_ok=True)
    index.write_bytes(b"index")
    Checksums(plan.results).write([index], made_with={"identity": identity})


def test_a_model_with_another_name_leaves_the_results_of_the_old_name(plan):
    begins = job(plan, "train_segment", step="200")
    assert "models.m: new" not in said(plan, begins)
    checkpoint_of(plan, "old", 600, {"seed": 1})
    stays = f"  - no longer among the models: old; {Path(plan.results) / 'models/old'} stays\n"
    new = "  - models.m: new, so it trains from the start"
    assert f"{new}\n{stays}" in said(plan, begins)
    checkpoint_of(plan, "old", 600, Identities().train_segment("m"))
    again = "it would come out just as old, so with the name old nothing is trained"
    assert f"{new}; {again}\n{stays}" in said(plan, begins)
    plan.models.append("old")
    assert "models.m: new" not in said(plan, begins)
    plan.models.remove("old")
    checkpoint_of(plan, "m", 200, {"seed": 1})
    assert "models.m: new" not in said(plan, begins)


def test_a_first_run_gives_no_reason_for_each_job(plan, capsys):
    jobs = [job(plan, "write_label_map"), job(plan, "train_segment", step="200")]
    for dry in (True, False):
        assert announcement.say_all(plan, Identities(), jobs, dry=dry) == {1: ""}
        assert capsys.readouterr().err.endswith(  # below what the data hold
            "\nFirst run: nothing has been made yet.\n"
            "To do: training of m (200 steps), 1 small job (tables, figures).\n"
        )
    for made in (jobs[1], job(plan, "write_records", made={})):  # of an earlier release, and with a receipt
        Path(made.outputs[0]).write_text("{}")
        assert announcement.say_all(plan, Identities(), jobs, dry=True) == {1: MISSING}
        Path(made.outputs[0]).unlink()
    assert announcement.say_all(plan, Identities(), jobs[1:], dry=True) == {1: MISSING}


def test_training_that_replaces_checkpoints_with_its_time(plan):
    folder = Path(plan.results) / "models/m/train"
    (folder / "model.ckpt-400.index").write_bytes(b"index")
    entries = [{"step": step, "steps_per_sec": pace} for step, pace in ((1, 0.1), (2, 2.0), (3, 2.0), (4, 4.0))]
    (folder / "log/200.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    jobs = [job(plan, "train_segment", step=str(step)) for step in (400, 600)]
    assert said(plan, *jobs) == "To do: training of m (400 steps, about 3 min, replaces 1 checkpoint)."
    plan.model = lambda name: {"early_stopping": {"patience": 2}}
    assert "(at most 400 steps, " in said(plan, *jobs)


@pytest.mark.parametrize(
    ("step", "seed", "told"),
    [
        (233, 0, "367 steps, going on from step 233"),
        (500, 0, "400 steps"),  # of another segment
        (233, 1, "400 steps"),  # of another training
    ],
)
def test_training_that_goes_on_from_a_saved_state_tells_what_is_left(plan, step, seed, told):
    folder = Path(plan.results) / "models/m/train/autosave"
    folder.mkdir()
    note = {"identity": saved.training('{"seed": 0}', seed, 2), "step": step, "records": []}
    (folder / "autosave.json").write_text(json.dumps(note))
    jobs = [job(plan, "train_segment", step=str(step)) for step in (400, 600)]
    assert said(plan, *jobs) == f"To do: training of m ({told})."


def timed(plan, name, seconds):
    """The file in which Snakemake has written the time of a job."""
    path = Path(plan.results) / "benchmarks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:00\t-\n")
    return str(path)


def test_the_time_of_all_jobs_with_the_start_of_each(plan):
    entries = [{"step": step, "steps_per_sec": 2.0} for step in (100, 200)]
    log = Path(plan.results) / "models/m/train/log/200.jsonl"
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    timed(plan, "train_segment/m-200.tsv", 130)  # 200 steps take 100 s
    jobs = [job(plan, "train_segment", step=str(step)) for step in (400, 600)]
    jobs.append(job(plan, "evaluate_checkpoint", step="400")._replace(benchmark=timed(plan, "evaluate/m-400.tsv", 40)))
    alike = f"{plan.results}/benchmarks/evaluate/m-600.tsv"  # is not there
    jobs.append(job(plan, "evaluate_checkpoint", step="600")._replace(benchmark=alike))
    told = said(plan, *jobs)
    assert told == (
        "To do: training of m (400 steps, about 4 min), 2 evaluations. By the times of earlier jobs, all this takes "
        "about 6 min, less where jobs run side by side."  # 260 and 80 s
    )
    timed(plan, "describe.tsv", 3)
    unknown = job(plan, "draw_model")._replace(benchmark=f"{plan.results}/benchmarks/compare.tsv")
    assert "all this takes about 6 min" in said(plan, *jobs, unknown)
    assert "By the times" not in said(plan, *jobs, *[unknown] * 3)


def test_further_seeds_and_exports_are_new_beside_what_stays(plan):
    begins = job(plan, "train_segment", step="200")._replace(wildcards={"model": "m-seed1", "step": "200"})
    plan.models, plan.shown = ["m", "m-seed1"], lambda name: "m"
    plan.model = lambda name: {"early_stopping": None, "seed": int(name == "m-seed1")}
    assert "new seed" not in said(plan, begins)
    checkpoint_of(plan, "m", 200, {"seed": 0})
    assert f"  - models.m: new seed 1; seed 0 ({plan.results}/models/m) stays as it is\n" in said(plan, begins)
    goes_on = job(plan, "train_segment", step="400")
    assert "  - models.m: new seed 1\n" in said(plan, begins, goes_on)

    exported = job(plan, "export_detector", further="-200")
    assert "export.checkpoint" not in said(plan, exported)
    summary = Path(plan.results) / "models/m" / forms.FOLDER / forms.SUMMARY
    summary.parent.mkdir()
    summary.write_text("{}")
    assert "  - new in `export.checkpoint`: step 200\n" in said(plan, exported)


def test_the_settings_of_a_choice_are_told_with_their_values(plan):
    before, now = ({"checkpoint": one, "metric": "m", "wanted": "0"} for one in ("best", "last"))
    assert "  - `export.checkpoint` best -> last\n" in said(plan, job(plan, "choose_checkpoint", CHANGED, before, now))


def test_no_training_is_said(plan):
    changed = job(
        plan, "predict_images", CHANGED, {"score_threshold": 0.5, "code": "c"}, {"score_threshold": 0.3, "code": "c"}
    )
    assert said(plan, changed) == (
        "Changed since the last run:\n"
        "  - `predict.score_threshold` 0.5 -> 0.3\n"
        f"To do: no training, 1 set of predictions; this replaces {changed.outputs[0]}."
    )
    assert why(plan, changed) == "changed: `predict.score_threshold`"


def test_the_field_of_the_evaluation_that_changed(plan):
    plan.configurations["m"].model.ssd.post_processing.batch_non_max_suppression.score_threshold = 0.3
    changed = job(plan, "evaluate_checkpoint", CHANGED, {"config": "a"}, {"config": "b"}, step="200")
    line = "models.m: model.ssd.post_processing.batch_non_max_suppression.score_threshold not set -> 0.3"
    assert f"  - {line}" in said(plan, changed)
    assert "To do: no training, 1 evaluation." in said(plan, changed)


def test_another_version_of_the_code(plan):
    jobs = [job(plan, rule, CHANGED, {"code": "a"}, {"code": "b"}) for rule in ("draw_model", "compare_models")]
    assert "  - another version of boxwright: draw model, compare models\n" in said(plan, *jobs)
    assert why(plan, jobs[0]) == "changed: the code (another version of boxwright)"


def test_other_parts_of_the_same_code_are_no_other_version(plan):
    changed = job(plan, "export_detector", CHANGED, {"config": "a", "code": "a"}, {"config": "b", "code": "b"})
    assert "version" not in said(plan, changed, other_parts=True)
    assert why(plan, changed, other_parts=True) == "changed: the configuration"


def test_the_evaluation_images_are_not_those_of_a_setting(plan):
    for predictions, told in (("predictions", False), ("predictions-new", True)):
        changed = job(plan, "predict_images", CHANGED, {"images": "a"}, {"images": "b"}, predictions=predictions)
        assert ("the images to predict on (`predict.images`) changed" in said(plan, changed)) == told


def test_why_without_a_receipt(plan):
    assert why(plan, job(plan, "draw_model")) == MISSING
    assert why(plan, job(plan, "compare_forms", UPSTREAM)) == UPSTREAM


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


def test_the_time_of_a_single_job(plan):
    alone = job(plan, "predict_images")._replace(benchmark=timed(plan, "predict_images/m-predictions.tsv", 19))
    told = "To do: no training, 1 set of predictions. By the times of earlier jobs, all this takes about 19 s."
    assert said(plan, alone) == told
