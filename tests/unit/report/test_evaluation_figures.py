"""Curves, confusion matrix and errors of one checkpoint: what they say, from one class to many."""

import re

import pytest

from boxwright.report import confusion, errors, learning, metrics, precision_recall, style

from .made_up import analysis, evaluation, one_class, texts

MANY = [one_class(number, f"kind {number:02d}", number / 100) for number in range(1, 81)]


def colours(svg: bytes) -> set[str]:
    return set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", svg.decode()))


def test_a_curve_per_class_with_its_precision_in_the_order_of_the_label_map():
    svg = precision_recall.curves(analysis([one_class(1, "cat", 0.6), one_class(2, "dog", 0.8)]))
    said = [text for text in texts(svg) if re.search(r"0\.\d{3}$", text)]
    assert [re.sub(r"\s+", " ", text) for text in said] == ["mean 0.700", "cat 0.600", "dog 0.800"]
    assert {style.class_colour(1), style.class_colour(2)} <= colours(svg)
    assert any("score 0.5" in text for text in texts(svg))


def test_one_class_has_no_mean():
    said = texts(precision_recall.curves(analysis([one_class(1, "raccoon")])))
    assert any("raccoon" in text for text in said) and not any("mean" in text for text in said)


def test_of_many_classes_the_best_and_the_worst_are_named():
    said = texts(precision_recall.curves(analysis(MANY)))
    assert {"(the 7 best and 7 worst;", "66 between in gray)"} <= set(said)
    named = [int(found[1]) for text in said if (found := re.match(r"kind (\d\d)", text))]
    assert named == [*range(1, 8), *range(74, 81)], "in the order of the label map"


def test_a_class_without_ground_truth_has_no_curve():
    said = " ".join(texts(precision_recall.curves(analysis([one_class(1, "cat"), one_class(2, "dog", None)]))))
    assert "cat" in said and "dog" not in said


def test_no_curve_at_all_is_said():
    assert "n/a" in texts(precision_recall.curves(analysis([one_class(1, "cat", None)])))[0]


def test_a_detector_that_finds_nothing_has_a_flat_curve():
    nothing = one_class(1, "cat", 0.0) | {"precision": None, "recall": 0.0, "f1": 0.0, "detections": 0}
    assert any("0.000" in text for text in texts(precision_recall.curves(analysis([nothing]))))


@pytest.mark.parametrize("count", [1, 2, 20])
def test_a_confusion_matrix_has_its_counts_and_names(count):
    classes = [one_class(number, f"class {number}") for number in range(1, count + 1)]
    found = analysis(classes)
    found["confusion"]["unseen"]["missed"][0] = 13
    found["confusion"]["nowhere"]["localisation"][0], found["confusion"]["nowhere"]["both"][0] = 11, 12
    said = texts(confusion.matrix(found))
    assert said.count("7") == count and said.count("13") == 1 and said.count("23") == 1
    for name in (*(one["name"] for one in classes), "misplaced"):
        assert said.count(name) == 2
    assert [said.count(name) for name in ("found twice", "background", "missed", "0")] == [1, 1, 1, 0]


def test_a_large_confusion_matrix_has_no_numbers():
    said = texts(confusion.matrix(analysis(MANY)))
    assert "7" not in said and "kind 01" not in said


def test_right_and_wrong_cells_differ_in_colour_and_depth():
    found = analysis()
    found["confusion"]["matrix"] = [[9, 1, 0], [0, 0, 5], [0, 0, 0]]
    found["confusion"]["unseen"]["missed"] = [0, 5]
    svg = confusion.matrix(found).decode()
    cells = re.findall(r"fill: (#[0-9a-f]{6}); opacity: ([0-9.]+)", svg)
    assert [colour for colour, _ in cells] == [style.GOOD, style.BAD, style.BAD]
    depths = [float(depth) for _, depth in cells]
    assert depths[2] > depths[0] > depths[1]


def test_errors_have_their_cost_and_count():
    said = texts(errors.costs(analysis()))
    assert any(re.fullmatch(r"0\.010\s+\(1 case\)", text) for text in said)
    assert any(re.fullmatch(r"0\.050\s+\(5 cases\)", text) for text in said)
    assert any(text.startswith("localisation: ") for text in said)


def test_undefined_costs_and_no_errors_at_all():
    found = analysis(errors=[{"kind": "missed", "count": 0, "cost": None}])
    assert any("n/a" in text for text in texts(errors.costs(found)))
    assert "n/a" in texts(errors.costs(analysis(errors=[])))[0]


def log(steps, scale=1.0):
    return [
        {"step": step, "learning_rate": 0.01, "Loss/localization_loss": 1.0, "Loss/RPNLoss/objectness_loss": 2.0,
         learning.TOTAL: 3.0 * (scale if step == steps[0] else 1.0)}
        for step in steps
    ]  # fmt: skip


def test_one_logged_step_is_a_sentence():
    """A single point draws no line."""
    said = " ".join(texts(learning.curves(log([5]), [evaluation("m", 5), evaluation("m", 9)], 5)))
    assert "One step was logged, 5: total 3, localization 1, proposals: objectness 2" in said
    assert "0.01 at that step" in said


def test_learning_curves_name_their_lines():
    svg = learning.curves(log(range(1, 50)), [evaluation("m", 20), evaluation("m", 40, 0.8)], 40)
    said = texts(svg)
    wanted = {"total", "localization", "proposals: objectness", "exported", "Learning rate", "mAP at IoU 0.5"}
    assert wanted <= set(said)
    assert "Training loss" in said


def test_a_high_start_does_not_flatten_the_loss():
    said = texts(learning.curves(log(range(1, 50), scale=100.0), [], None))
    assert "Training loss (the first values, up to 300, are not shown)" in said


def test_the_exported_checkpoint_is_marked():
    assert "exported" in texts(learning.curves(log([5]), [evaluation("m", 5), evaluation("m", 9)], 5))


def test_undefined_metrics_are_said():
    said = texts(learning.curves(log([5, 10]), [evaluation("m", 5, None)], 5))
    assert any(text.startswith("n/a") for text in said)
    some = evaluation("m", 10) | {"metrics": {metrics.MAP50: 0.5, metrics.MAP: None}}
    more = some | {"step": 20}
    assert "mAP at IoU 0.5" in texts(learning.curves(log([5, 20]), [some, more], 10))
    assert any("mAP over IoU 0.5 to 0.95 n/a" in text for text in texts(learning.curves(log([5]), [some], 10)))


def test_an_empty_log_is_said():
    assert "no step" in texts(learning.curves([], [], None))[0]


def test_terms_in_words():
    assert learning.term("Loss/BoxClassifierLoss/classification_loss") == "boxes: classification"
    assert learning.term("Loss/regularization_loss") == "regularization"


def test_a_single_checkpoint_is_a_sentence():
    log = [{"step": step, "learning_rate": 0.1, "Loss/total_loss": 2.0} for step in (1, 2)]
    said = " ".join(texts(learning.curves(log, [evaluation("small", 2, 0.6)], 2)))
    assert "One checkpoint was measured, at step 2:" in said and "mAP at IoU 0.5 0.600" in said
    assert "exported" not in said
