"""The last lines of a run: figures, costs, places and advice, from the files of its results."""

import json

import pytest

from boxwright.catalog import forms
from boxwright.report import outcome

MAP = "DetectionBoxes_Precision/mAP"
METRIC = f"{MAP}@.50IOU"
KINDS = ("classification", "localisation", "both", "duplicate", "background", "missed")


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def model(results, name, value, classes=2, tested=None):
    """The files of a finished model whose chosen checkpoint, of step 500, reaches a value, `tested` on a test side."""
    folder = results / "models" / name
    write(folder / "choice.json", {"step": 500, "metric": METRIC})
    write(folder / forms.FOLDER / forms.SUMMARY, {"main": "frozen_graph"})
    names = [f"class{number}" for number in range(classes)]
    counts = dict.fromkeys(KINDS, [0] * classes)
    analysis = {
        "score_threshold": 0.5,
        "interval": {"metric": METRIC, "level": 0.95, "low": 0.5, "high": 0.75, "few": []},
        "classes": [
            {"name": one, "boxes": number + 1, "AP50": number / 20, "AP50_interval": {"low": 0.1, "high": 0.2}}
            for number, one in enumerate(names)
        ],
        "errors": [{"kind": kind, "count": 1, "cost": number / 100} for number, kind in enumerate(KINDS)],
        "confusion": {"labels": [*names, "background"], "matrix": [], "unseen": counts, "nowhere": counts},
        "images": [{"boxes": 60, "correct": 30, "wrong": 5}, {"boxes": 60, "correct": 20, "wrong": 9}],
    }
    values = {folder / "eval/500": value} | ({folder / "test/frozen_graph": tested} if tested else {})
    for number, (place, reached) in enumerate(values.items()):
        write(place / "metrics.json", {"images": 40 + number, "metrics": {METRIC: reached, MAP: 0.3}})
        write(place / "analysis.json", analysis)


def test_one_model(tmp_path):
    model(tmp_path, "m", 0.6)
    assert outcome.text(tmp_path, ["m"], ["predictions"], 178.6, "`x` writes it").splitlines() == [
        "Finished in 3 min.",
        "m: mAP@.50IOU 0.600 (95% confidence: 0.500 to 0.750), mAP 0.300, step 500, on 40 evaluation images",
        "  class0  AP 0.000 (0.100 to 0.200), 1 box",
        "  class1  AP 0.050 (0.100 to 0.200), 2 boxes",
        "What costs the most mAP@.50IOU on the evaluation images: objects that were not found 0.050, detections where "
        "nothing is annotated 0.040, objects found twice 0.030.",
        f"Detector:    {tmp_path}/models/m/fine_tuned_model",
        f"Predictions: {tmp_path}/models/m/predictions",
        f"Report:      {tmp_path}/report.html (`x` writes it)",
        "Next: Work on objects that were not found. Annotate more images with them. If they are small, enlarge the "
        "input, and check whether anchors match them.",
    ]


@pytest.mark.parametrize(
    ("interval", "told"),
    [
        (
            {"interval": None, "interval_reason": "an interval needs at least 20 images with objects"},
            "So few images do not tell how good a detector is: an interval needs at least 20 images with objects.",
        ),
        (
            {"interval": {"metric": METRIC, "level": 0.95, "low": 1.0, "high": 1.0, "few": []}},
            "It is the same on any choice of these images, so they do not tell how sure it is.",
        ),
        (
            {"interval": {"metric": METRIC, "level": 0.95, "low": 0.5, "high": 1.0, "few": ["class0"]}},
            "class0 is on fewer than 20 images, which tell nothing about its AP: the interval allows it any from 0 to "
            "1.",
        ),
    ],
)
def test_images_that_do_not_tell_how_sure_a_figure_is(tmp_path, interval, told):
    model(tmp_path, "m", 1.0, classes=1)
    path = tmp_path / "models/m/eval/500/analysis.json"
    write(path, json.loads(path.read_text()) | interval)
    line = outcome.text(tmp_path, ["m"], ["predictions"]).splitlines()[1]
    assert line.startswith("m: mAP@.50IOU 1.000") and line.endswith(
        f", mAP 0.300, step 500, on 40 evaluation images. {told}"
    )


def test_what_the_training_of_the_best_model_lacked_is_the_advice(tmp_path):
    for name, value in (("a", 0.2), ("b", 0.7)):
        model(tmp_path, name, value)
    lacking = {"a": "Annotate more images.", "b": "Train it longer."}
    assert outcome.text(tmp_path, ["a", "b"], ["predictions"], lacking=lacking).endswith("\nNext: Train it longer.")


@pytest.mark.parametrize(("value", "lost", "told"), [(0.7, 0.07, False), (0.5, 0.3, True), (0.0, 0.8, True)])
def test_a_form_that_finds_much_less_than_the_checkpoint(tmp_path, value, lost, told):
    model(tmp_path, "m", 0.8)
    found = {"checkpoint": {"mAP50": 0.8}, "tflite_int8": {"mAP50": value, "lost": lost}, "onnx": {"mAP50": None}}
    write(tmp_path / "models/m" / forms.FOLDER / forms.MEASURED, {"forms": found})
    line = f"finds much less than the checkpoint: its mAP@.50IOU is {value:.3f}, and the checkpoint's is 0.800."
    assert (f"The TFLite file in int8 {line}" in outcome.text(tmp_path, ["m"], [])) == told


@pytest.mark.parametrize(("boxes", "told"), [([], True), ([{"score": 0.7}], False)])
def test_predictions_without_a_box(tmp_path, boxes, told):
    model(tmp_path, "m", 0.8)
    folder = tmp_path / "models/m/predictions"
    line = f"No box is drawn in {folder}: no detection has a score of at least `predict.score_threshold`."
    assert line not in outcome.text(tmp_path, ["m"], ["predictions"]), "there is no image"
    write(folder / "a.json", {"detections": []})
    write(folder / "more/b.json", {"detections": boxes})
    assert (line in outcome.text(tmp_path, ["m"], ["predictions"])) == told


def test_several_models_the_best_first(tmp_path):
    for name, value in (("a", 0.2), ("b", 0.7), ("c", None)):
        model(tmp_path, name, value)
    lines = outcome.text(tmp_path, ["a", "b", "c"], ["predictions"]).splitlines()
    assert [line[:14] for line in lines[1:6]] == [
        "b: mAP@.50IOU ",
        "  class0  AP 0",
        "  class1  AP 0",
        "a: mAP@.50IOU ",
        "c: mAP@.50IOU ",
    ], "the classes follow the model that they are of"
    assert lines[5].startswith("c: mAP@.50IOU n/a, mAP 0.300")
    assert lines[6].startswith(
        "What costs b the most mAP@.50IOU on the evaluation images: objects that were not found 0.050, "
    )
    assert f"Detector:    {tmp_path}/models/b/fine_tuned_model" in lines


def test_a_report_that_follows_tells_its_path_itself(tmp_path):
    model(tmp_path, "m", 0.6)
    told = outcome.text(tmp_path, ["m"], ["predictions-a", "predictions-b"])
    assert "report.html" not in told and told.count("costs the most") == 1
    assert f"Predictions: {tmp_path}/models/m/predictions-a, {tmp_path}/models/m/predictions-b\n" in told


def test_of_many_classes_the_ten_worst(tmp_path):
    model(tmp_path, "m", 0.6, classes=12)
    lines = outcome.text(tmp_path, ["m"], ["predictions"]).splitlines()
    assert [line.split()[0] for line in lines[2:12]] == [f"class{number}" for number in range(10)]
    assert lines[12] == "  These are the 10 worst of 12 classes."


def test_the_test_images_say_it_where_there_are_some(tmp_path):
    model(tmp_path, "m", 0.6, tested=0.5)
    model(tmp_path, "worse", 0.5, tested=0.9)
    lines = outcome.text(tmp_path, ["m", "worse"], ["predictions"]).splitlines()
    assert lines[1].startswith("m: mAP@.50IOU 0.500 (") and lines[1].endswith("on 41 test images")
    assert f"Detector:    {tmp_path}/models/m/fine_tuned_model" in lines, "test images choose no model"


def test_the_advice_is_from_the_evaluation_images(tmp_path):
    model(tmp_path, "m", 0.6, tested=0.5)
    before = outcome.text(tmp_path, ["m"], ["predictions"])
    path = tmp_path / "models/m/test/frozen_graph/analysis.json"
    write(path, json.loads(path.read_text()) | {"errors": [{"kind": "both", "count": 1, "cost": 0.5}]})
    assert outcome.text(tmp_path, ["m"], ["predictions"]) == before, "what advises is no test"
    assert "on the evaluation images: objects that were not found 0.050" in before


@pytest.mark.parametrize("name", ["choice.json", "eval/500/analysis.json"])
def test_results_that_cannot_be_read_are_not_spoken_of(tmp_path, name):
    model(tmp_path, "m", 0.6)
    (tmp_path / "models/m" / name).write_text("{}")
    assert outcome.text(tmp_path, ["m"], ["predictions"]) == ""
