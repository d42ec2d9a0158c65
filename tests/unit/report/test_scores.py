"""What the report says about scores: where they can be relied on, how sure that is, and plainly when none is known."""

import re

from boxwright.report import scores

from . import made_up
from .made_up import analysis, one_class, plain, texts


def test_the_score_to_rely_on_with_its_interval():
    said = scores.said(made_up.scores())
    # A threshold is rounded up: 0.725 would let further detections in.
    assert said.startswith("From score 0.726 on, 96.0% of the detections on the evaluation images are right (95%")
    assert "(95% confidence: 91.0% to 98.0%)" in said
    assert "find 81.0% of the objects" in said and "it is sure from score 0.900 on" in said
    assert "too few to be sure" in scores.said(made_up.scores(sure_score=None))


def test_no_score_is_said_plainly_with_its_reason():
    said = scores.said(made_up.no_scores("no score reaches a precision of 0.95; the highest is 0.871"))
    assert said.startswith("No score is known from which 95% of the detections are right: no score reaches a precision")
    assert said.endswith("the highest is 0.871.")


def test_the_table_has_every_class_and_all_together():
    few = one_class(2, "dog") | {"scores": made_up.scores(score=0.5, sure_score=None)}
    page = plain(scores.table(analysis([one_class(1, "cat"), few, one_class(3, "emu", None)]), "ssd at step 1,000"))
    assert "Scores of ssd at step 1,000" in page
    assert "cat 0.726 0.960 0.910 to 0.980 0.810 75 0.900 0.171 0.052 0.033" in page
    assert "dog 0.500 0.960 0.910 to 0.980 0.810 75 n/a 0.171 0.052 0.033" in page
    assert re.search(r"emu( n/a){9} all classes 0\.726", page)
    assert page.endswith("n/a: emu: there is no box")


def test_one_class_is_not_repeated_as_all_classes():
    assert "all classes" not in plain(scores.table(analysis([one_class(1, "cat")]), "ssd at step 1,000"))


def test_each_class_has_a_reliability_plot_and_the_legend_all_its_marks():
    unreliable = one_class(1, "cat") | {"scores": made_up.scores() | {"operating_point": None}}
    said = texts(scores.reliability(analysis([unreliable, one_class(2, "dog"), one_class(3, "emu", None)])))
    assert {"cat", "dog", "calibration", "precision 0.95 from here on"} <= set(said) and "emu" not in said


def test_of_many_classes_those_with_most_boxes_are_drawn():
    classes = [one_class(number, f"kind {number:02d}", boxes=number) for number in range(1, 81)]
    said = texts(scores.reliability(analysis(classes)))
    assert [one for one in said if one.startswith("kind")] == [f"kind {number}" for number in range(72, 81)]
    assert "The 9 classes with most boxes; all 80 are in the table." in said


def test_without_ground_truth_there_is_a_message():
    assert "n/a" in texts(scores.reliability(analysis([one_class(1, "cat", None)])))[0]
