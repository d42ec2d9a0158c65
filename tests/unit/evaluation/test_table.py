"""The table of an evaluation in the terminal."""

import re

from boxwright.evaluation.data import Dataset
from boxwright.evaluation.measure import measure
from boxwright.evaluation.table import figure, table

from .sets import found_of, images_of, truth_of

KEY = "DetectionBoxes_Precision/mAP@.50IOU"


def evaluated():
    """The contents of a metrics.json and its analysis.json."""
    label_map = {"raccoon": 1, "浣熊": 2, "wolf": 3}
    dataset = Dataset(images_of(2), truth_of([0, 1], [[0, 0, 20, 20], [0, 0, 50, 50]], [1, 2]), label_map)
    measured = measure(dataset, found_of([0, 1], [[0, 0, 20, 20], [0, 0, 50, 50]], [0.9, 0.6], [1, 3]))
    return {
        "model": "ssd",
        "step": 500,
        "seed": 0,
        "images": 2,
        "boxes": 2,
        "metrics": measured.metrics,
        "undefined": measured.undefined,
        "training_sample": {"images": 2, "boxes": 2, "metrics": measured.metrics},
    }, measured.analysis


def made():
    return table(*evaluated()).splitlines()


def test_numbers_stand_under_their_heads():
    lines = made()
    assert lines[0] == "ssd at step 500: 2 images, 2 boxes"
    heads = next(line for line in lines if line.startswith("average precision"))
    values = lines[lines.index(heads) + 1]
    assert values.split() == ["0.500", "0.500", "0.500", "1.000", "0.000", "n/a"]
    recalls = next(line for line in lines if line.startswith("average recall"))
    for head in (heads, recalls):
        below = lines[lines.index(head) + 1]
        ends = [match.end() for match in re.finditer(r"\S+(?: \S+)*", head)][1:]
        assert ends == [match.end() for match in re.finditer(r"\S+", below)]


def test_the_score_from_which_detections_are_reliable():
    assert any(line.startswith("a score that is reliable: n/a, 1 detection is too few to tell") for line in made())
    result, analysis = evaluated()
    point = {"precision": 0.96, "level": 0.95, "low": 0.91, "high": 0.98, "score": 0.7254, "recall": 0.8}
    said = table(result, analysis | {"scores": {"operating_point": point, "undefined": {}}})
    assert "from score 0.726 on: precision 0.960 (0.910 to 0.980, 95% interval), recall 0.800" in said


def test_classes_with_counts_and_undefined_ones():
    lines = made()
    rows = {
        line.split()[0]: line.split()[1:]
        for line in lines
        if line and line.split()[0] in ("raccoon", "浣熊", "wolf", "mean")
    }
    assert rows == {
        "raccoon": ["1.000", "1.000", "1.000", "1.000", "1.000", "1.000", "1.000", "1"],
        "浣熊": ["0.000", "0.000", "0.000", "0.000", "n/a", "0.000", "0.000", "1"],
        "wolf": ["n/a", "n/a", "n/a", "n/a", "0.000", "n/a", "0.000", "0"],
        "mean": ["0.500", "0.500", "0.500", "0.500", "2"],
    }
    raccoon, wide = (next(line for line in lines if line.startswith(name)) for name in ("raccoon", "浣熊"))
    assert len(raccoon) == len(wide) + 2, "a wide letter takes two columns"
    reasons = [line for line in lines if line.startswith("n/a:")]
    assert any("96 x 96" in reason for reason in reasons) and any("wolf" in reason for reason in reasons)
    assert "-1" not in "\n".join(lines)


def test_how_sure_how_it_is_on_training_images_and_what_costs_most():
    lines = made()
    assert "how sure mAP@.50IOU is: n/a, an interval needs at least 20 images with objects of a class" in lines
    result, analysis = evaluated()
    sure = {"metric": KEY, "level": 0.95, "low": 0.25, "high": 0.75, "few": []}
    told = table(result, analysis | {"interval": sure})
    assert "mAP@.50IOU 0.500; with other images of this kind 0.250 to 0.750 (95% interval)" in told
    told = table(result, analysis | {"interval": {**sure, "few": ["浣熊", "wolf"]}})
    assert "(95% interval). 浣熊, wolf are on fewer than 20 images, which tell nothing about their AP: the" in told
    told = table(result, analysis | {"interval": {**sure, "low": 0.5, "high": 0.5}})
    assert "mAP@.50IOU 0.500, and the same on any choice of these images, so how sure it is is not known" in told
    assert "mAP@.50IOU 0.500 on 2 training images" in lines
    assert (
        "what costs the most mAP@.50IOU, and their number at a score of 0.5: objects taken for another class 0.500 (1)"
        in lines
    )
    assert "n/a: no detection of 浣熊 has a score of 0.5 or more" in lines


def test_the_key_figure_has_its_interval_and_may_be_undefined():
    result, analysis = evaluated()
    sure = {"metric": KEY, "level": 0.95, "low": 0.25, "high": 0.75, "few": []}
    assert figure(result, analysis) == "mAP@.50IOU 0.500"
    assert figure(result, analysis | {"interval": sure}) == "mAP@.50IOU 0.500 (0.250 to 0.750)"
    assert figure(result, analysis | {"interval": {**sure, "low": 0.5, "high": 0.5}}) == "mAP@.50IOU 0.500"
    undefined = result | {"metrics": result["metrics"] | {KEY: None}}
    assert figure(undefined, analysis) == "mAP@.50IOU n/a"
    # Training images with nothing but crowds.
    undefined["training_sample"] = {"images": 2, "boxes": 2, "metrics": undefined["metrics"]}
    assert "mAP@.50IOU n/a on 2 training images" in table(undefined, analysis)
