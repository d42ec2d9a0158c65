"""What to do next, by the kind of error that costs most."""

import re
from pathlib import Path

import pytest

from boxwright.evaluation.error_types import KINDS
from boxwright.pipeline import overrides, text
from boxwright.report import advice

from .made_up import analysis, one_class

TEMPLATES = Path(__file__).resolve().parents[3] / "config/pipelines"


def found(kind: str, cost: float | None = 0.2, **confusion) -> dict:
    errors = [{"kind": one, "count": 0, "cost": cost if one == kind else cost and cost / 9} for one in KINDS]
    made = analysis([one_class(1, "cell"), one_class(2, "platelet")], errors=errors)
    return made | {"confusion": made["confusion"] | confusion}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_advice(kind):
    said = advice.text(found(kind))
    assert "mAP@.50IOU would be 0.200 higher" in said and len(said) > 90


@pytest.mark.parametrize("kind", KINDS)
def test_the_advice_repeats_no_costs_that_were_told(kind):
    whole, short = advice.text(found(kind)), advice.text(found(kind), costs_told=True)
    assert short.startswith(f"Work on {advice.costs(found(kind))[0][0]}. ") and "0.200" not in short
    assert whole.endswith(short.partition(". ")[2]), "what helps is the same"


def test_the_class_with_most_of_the_mistakes_is_named():
    missed = found("missed", unseen={"missed": [1, 8], "localisation": [9, 0]})
    assert "Of 9 at a score of 0.5 on the evaluation images, 8 are platelet." in advice.text(missed)
    confused = found("classification", matrix=[[5, 4, 0], [1, 5, 0], [0, 0, 0]])
    assert "Of 5 at a score of 0.5 on the evaluation images, 4 are cell taken for platelet." in advice.text(confused)
    assert "Of" not in advice.text(found("missed", unseen={"missed": [4, 4], "localisation": [0, 0]}))


def test_the_fields_that_the_advice_names_can_be_set():
    paths = re.findall(r"`(model\..*?)`", advice.text(found("duplicate")))
    for path, template in zip(paths, ("ssd_mobilenet_v1", "faster_rcnn_resnet50"), strict=True):
        config = text.read(str(TEMPLATES / f"{template}.config"))
        before = str(config)
        overrides.apply(config, {path: 0.45})
        assert str(config) != before


def test_what_is_not_annotated_is_looked_for_first():
    assert "First look at the worst images" in advice.text(found("background"))


def test_small_costs_and_unknown_ones():
    assert "No kind of error costs more than 0.005" in advice.text(found("missed", 0.004))
    assert "unknown" in advice.text(found("missed", None))


def test_what_the_training_lacked_goes_first():
    assert advice.text(found("missed"), lacking="Train it longer.") == "Train it longer."


@pytest.mark.parametrize(("correct", "wrong", "told"), [(0, 0, ""), (1, 90, ", and 1 of its 91 detections are right")])
def test_a_detector_that_finds_next_to_nothing_is_trained_longer(correct, wrong, told):
    new = found("localisation") | {"images": [{"boxes": 12, "correct": correct, "wrong": wrong}]}
    assert advice.counted(new) == (
        f"On the evaluation images, at a score of 0.5, it finds {correct} of 12 objects{told}."
    )
    assert "Train it longer" in advice.text(new) and advice.costs(new) == []
    better = new | {"images": [{"boxes": 12, "correct": 10, "wrong": 10}]}
    assert "Train it longer" not in advice.text(better) and advice.costs(better)
