"""analysis.json: hand-worked mistakes, and counts that agree with each other and with COCO's numbers."""

import json

import numpy as np
import pytest

from boxwright.evaluation import analysis, coco, error_types, names, overlaps, ranking
from boxwright.evaluation.data import Dataset
from boxwright.evaluation.measure import measure
from boxwright.evaluation.per_class import best_threshold

from .sets import found_of, images_of, random_set, truth_of, voc_set

CAT, DOG = 1, 2
LABEL_MAP = {"cat": CAT, "dog": DOG}

# Five images, each object 100 x 100 at the corner of its image, so that boxes of 100 x h overlap it by h / 100.
BOX = [0, 0, 100, 100]
HALF = [0, 0, 100, 40]  # IoU 0.4
FAR = [300, 300, 400, 400]


@pytest.fixture
def every_mistake():
    """One mistake of each kind, and one right detection of each class."""
    truth = truth_of([0, 1, 2, 3, 4], [BOX] * 5, [CAT, DOG, CAT, CAT, DOG])
    rows = [
        (0, BOX, 0.9, CAT),  # right
        (0, BOX, 0.8, CAT),  # duplicate
        (0, FAR, 0.7, DOG),  # background
        (1, BOX, 0.9, DOG),  # right
        (1, HALF, 0.6, CAT),  # both: near, of another class
        (2, HALF, 0.65, CAT),  # localisation
        (3, BOX, 0.55, DOG),  # classification
        # The dog of image 4 is missed.
        (4, FAR, 0.2, CAT),  # background, below the threshold
    ]
    return Dataset(images_of(5), truth, LABEL_MAP), found_of(*zip(*rows, strict=True))


def test_one_mistake_of_each_kind_is_found(every_mistake):
    found = measure(*every_mistake, score_threshold=0.5).analysis
    counts = {error["kind"]: error["count"] for error in found["errors"]}
    assert counts == dict.fromkeys(error_types.KINDS, 1)
    assert [image["wrong"] for image in found["images"]] == [2, 1, 1, 1, 0]
    assert [image["missed"] for image in found["images"]] == [0, 0, 1, 1, 1]
    assert [len(image["missed_boxes"]) for image in found["images"]] == [0, 0, 1, 1, 1]
    assert [row["category_id"] for image in found["images"] for row in image["missed_boxes"]] == [CAT, CAT, DOG]
    assert [image["correct"] for image in found["images"]] == [1, 1, 0, 0, 0]
    assert [image["f1"] for image in found["images"]] == pytest.approx([0.5, 2 / 3, 0, 0, 0])
    assert found["confusion"] == {
        "labels": ["cat", "dog", "background"],
        # One cat is missed (found too badly), one is taken for a dog; three cats and one dog are seen where none is.
        "matrix": [[1, 1, 1], [0, 1, 1], [3, 1, 0]],
        "nowhere": {"localisation": [1, 0], "both": [1, 0], "duplicate": [1, 0], "background": [0, 1]},
        "unseen": {"localisation": [1, 0], "missed": [0, 1]},
    }


def test_what_mending_each_kind_gains(every_mistake):
    """By hand. Cats: of 3, ranked right .9, wrong .8, .65, .6, .2: found 1/3, at recalls 0 to .33 precision 1, so
    34/101. Dogs: of 2, ranked right .9, wrong .7, .55: 51/101.
    """
    found = measure(*every_mistake).analysis
    assert [row["AP50"] for row in found["classes"]] == pytest.approx([34 / 101, 51 / 101])
    costs = {error["kind"]: error["cost"] for error in found["errors"]}
    gains = {
        # The cat of image 3 is right at .55 after right, wrong, wrong, wrong: recall 2/3, precision 2/5.
        "classification": (33 / 101) * 2 / 5 / 2,
        # The cat of image 2 is right at .65: recall 2/3, precision 2/3.
        "localisation": (33 / 101) * 2 / 3 / 2,
        # Only wrong ones after the last right one go.
        "both": 0,
        "duplicate": 0,
        "background": 0,
        # One dog less to find: all are found.
        "missed": (50 / 101) / 2,
    }
    assert costs == pytest.approx(gains)


def test_what_stands_before_a_right_detection_costs():
    truth = truth_of([0, 1], [BOX, BOX], [CAT, CAT])
    rows = [(0, BOX, 0.9, CAT), (0, BOX, 0.8, CAT), (0, FAR, 0.7, CAT), (1, BOX, 0.6, CAT)]
    dataset = Dataset(images_of(2), truth, LABEL_MAP)
    found = measure(dataset, found_of(*zip(*rows, strict=True))).analysis
    costs = {error["kind"]: error["cost"] for error in found["errors"]}
    # Precision at the recalls above 0.5 is 2/4, and 2/3 with one of the two wrong ones gone.
    assert costs["duplicate"] == costs["background"] == pytest.approx(50 / 101 * (2 / 3 - 2 / 4))


def test_of_several_mistakes_on_one_object_one_is_mended():
    """Two cats called dogs lie on one object: only the better becomes a cat, the other is no mistake any more."""
    truth = truth_of([0, 1], [BOX, BOX], [CAT, DOG])
    rows = [(0, BOX, 0.9, DOG), (0, BOX, 0.8, DOG), (1, BOX, 0.5, DOG)]
    dataset = Dataset(images_of(2), truth, LABEL_MAP)
    found = measure(dataset, found_of(*zip(*rows, strict=True))).analysis
    cost = {error["kind"]: error["cost"] for error in found["errors"]}["classification"]
    assert cost == pytest.approx((1 - 0 + 1 - 1 / 3) / 2)
    assert {error["kind"]: error["count"] for error in found["errors"]}["missed"] == 0


def test_a_class_that_is_never_found_costs_all_of_it_as_missed():
    dataset = Dataset(images_of(2), truth_of([0, 1], [BOX, BOX], [CAT, DOG]), LABEL_MAP)
    found = measure(dataset, found_of([0], [BOX], [0.9], [CAT])).analysis
    assert {error["kind"]: error["cost"] for error in found["errors"]}["missed"] == pytest.approx(0.5)


SETS = [
    {"seed": 1},
    {"seed": 2, "crowd": 0.3},
    {"seed": 3, "difficult": 0.3, "empty": 0.6},
    {"seed": 4, "ties": True, "classes": 12},
]


@pytest.mark.parametrize("settings", SETS, ids=["plain", "crowds", "difficult and empty images", "equal scores"])
def test_all_counts_agree(settings):
    assert_consistent(*random_set(images=80, **settings))


def test_all_counts_agree_on_bccd(shared):
    assert_consistent(*voc_set(shared / "data" / "bccd" / "annotations", seed=5))


def assert_consistent(dataset, detections):
    values, _, found, _ = measure(dataset, detections, 0.3)
    matrix, images = np.array(found["confusion"]["matrix"]), found["images"]
    errors = {error["kind"]: error for error in found["errors"]}
    for number, row in enumerate(found["classes"]):
        assert matrix[:, number].sum() == row["detections"]
        right = matrix[number, number]
        assert row["recall"] == (pytest.approx(right / row["boxes"]) if row["boxes"] else None)
        assert row["precision"] == (pytest.approx(right / row["detections"]) if row["detections"] else None)
        assert row["AP"] == values[names.PER_CLASS + row["name"]]
        if row["boxes"]:
            assert np.mean(row["curve"]["precision"]) == pytest.approx(row["AP50"], abs=1e-6)
            assert row["curve"]["recall"] == pytest.approx(np.linspace(0, 1, 101))
            assert row["best_f1"] >= row["f1"]
        assert row["undefined"].keys() == {key for key, value in row.items() if value is None}
    assert sum(image["boxes"] for image in images) == (~dataset.truth.crowd).sum()
    assert sum(image["correct"] for image in images) == np.trace(matrix)
    wrong = sum(image["wrong"] for image in images)
    assert sum(error["count"] for kind, error in errors.items() if kind != "missed") == wrong
    assert wrong == matrix[:, :-1].sum() - np.trace(matrix)
    assert errors["missed"]["count"] <= sum(image["missed"] for image in images)
    adds_up_to_the_kinds_of_errors(found["confusion"], {kind: error["count"] for kind, error in errors.items()})
    assert all(error["cost"] >= -1e-12 for error in errors.values())
    interval = found["interval"]
    assert interval["low"] < values[interval["metric"]] < interval["high"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("settings", SETS)
def test_average_precision_from_our_matching_is_cocos(settings):
    dataset, detections = random_set(images=80, **settings)
    pairs = overlaps.overlapping(dataset.truth, detections, 0.1)
    rankings = ranking.rankings(dataset, detections, overlaps.match(dataset.truth, detections, pairs))
    evaluated = coco.evaluate(dataset, detections)
    for column, one in enumerate(rankings.values()):
        theirs = evaluated.of_class(column)["AP50"]
        assert one.average_precision == (theirs if theirs is None else pytest.approx(theirs, abs=1e-9))


def test_the_best_threshold_has_the_largest_f1_of_all():
    right = np.array([True, False, True, True, False, False, True])
    scores = np.array([0.9, 0.8, 0.8, 0.7, 0.7, 0.6, 0.1])
    one = ranking.Ranking(np.arange(7), right, objects=5)
    # Thresholds .9: 2/6; .8: 4/8; .7: 6/10; .6: 6/11; .1: 8/12. Between equal scores there is none.
    assert best_threshold(one, scores) == (0.1, pytest.approx(8 / 12))
    assert best_threshold(one._replace(right=right & (scores > 0.1)), scores) == (0.7, pytest.approx(6 / 10))
    assert best_threshold(ranking.Ranking(np.arange(2), np.array([True, False]), 1), scores[1:3]) == (0.8, 2 / 3)
    assert best_threshold(ranking.Ranking(np.arange(7), np.zeros(7, bool), 5), scores) == (None, None)


def test_undefined_numbers_have_their_reasons():
    dataset = Dataset(images_of(2), truth_of([0, 1], [BOX, BOX], [CAT, 3]), {**LABEL_MAP, "emu": 3})
    found = measure(dataset, found_of([0, 0], [BOX, FAR], [0.9, 0.4], [CAT, 3]), 0.5).analysis
    cat, dog, emu = found["classes"]
    assert cat["undefined"] == {"AP50_interval": "an interval needs at least 20 images with class 'cat'"}
    assert dog["undefined"]["AP"] == dog["undefined"]["curve"] == "no box of class 'dog' in the evaluation images"
    assert dog["undefined"]["f1"] == "no box of class 'dog' in the evaluation images, and none detected"
    assert emu["undefined"] == {
        "AP50_interval": "an interval needs at least 20 images with class 'emu'",
        "precision": "no detection of class 'emu' has a score of 0.5 or more",
        "best_threshold": "no detection of class 'emu' is right",
        "best_f1": "no detection of class 'emu' is right",
    }
    assert (emu["recall"], emu["f1"], emu["AP"]) == (0, 0, 0)


def test_few_images_have_no_interval_but_a_reason():
    dataset = Dataset(images_of(1), truth_of([0], [BOX], [CAT]), LABEL_MAP)
    found = measure(dataset, found_of([0], [BOX], [0.9], [CAT])).analysis
    assert found["interval"] is None and "at least 20 images with objects" in found["interval_reason"]


def test_a_class_on_too_few_images_is_named_beside_the_interval():
    images = [*range(20), 0]
    dataset = Dataset(images_of(20), truth_of(images, [BOX] * 21, [CAT] * 20 + [DOG]), {**LABEL_MAP, "emu": 3})
    found = measure(dataset, found_of(range(20), [BOX] * 20, [0.9] * 20, [CAT] * 20)).analysis["interval"]
    assert (found["low"], found["high"], found["few"]) == (0.5, 1.0, ["dog"])


def test_nothing_but_crowds_is_undefined_with_reasons():
    truth = truth_of([0, 1], [BOX, BOX], [CAT, DOG], crowd=[True, True])
    dataset = Dataset(images_of(2), truth, LABEL_MAP)
    values, undefined, found, curves = measure(dataset, found_of([0, 0], [BOX, FAR], [0.9, 0.8], [CAT, CAT]))
    assert values["DetectionBoxes_Precision/mAP"] is None and "crowds" in undefined["DetectionBoxes_Precision/mAP"]
    assert found["interval"] is None and "images with objects" in found["interval_reason"]
    assert {error["cost"] for error in found["errors"]} == {None}
    # What lies on the crowd is neither right nor wrong.
    assert [image["wrong"] for image in found["images"]] == [1, 0]
    assert [image["f1"] for image in found["images"]] == [0, None]
    assert found["classes"][0]["undefined"]["AP"] == "no box but crowds of class 'cat' in the evaluation images"
    assert curves == {}


def test_no_detection_at_all():
    dataset = Dataset(images_of(3), truth_of([0, 1], [BOX, BOX], [CAT, DOG]), LABEL_MAP)
    *_, found, curves = measure(dataset, found_of([], [], [], []))
    assert found["interval"] is None
    assert {error["kind"]: (error["count"], error["cost"]) for error in found["errors"] if error["cost"]} == {
        "missed": (2, 1)
    }
    assert found["confusion"]["matrix"] == [[0, 0, 1], [0, 0, 1], [0, 0, 0]]
    assert curves["cat"][4].tolist() == [1] * 101 and curves["cat"][5].tolist() == [0] * 101


def adds_up_to_the_kinds_of_errors(confusion, counts):
    matrix = np.array(confusion["matrix"])
    assert matrix[:-1, :-1].sum() - np.trace(matrix) == counts["classification"]
    assert {kind: sum(values) for kind, values in confusion["nowhere"].items()} == {
        kind: counts[kind] for kind in ("localisation", "both", "duplicate", "background")
    }
    assert np.sum(list(confusion["nowhere"].values()), axis=0).tolist() == matrix[-1, :-1].tolist()
    assert sum(confusion["unseen"]["missed"]) == counts["missed"]
    assert np.sum(list(confusion["unseen"].values()), axis=0).tolist() == matrix[:-1, -1].tolist()
    assert matrix[-1, -1] == 0


def test_a_second_detection_of_another_class_is_a_confusion_and_not_background():
    dataset = Dataset(images_of(1), truth_of([0], [BOX], [CAT]), {"cat": CAT, "dog": DOG})
    found = measure(dataset, found_of([0, 0, 0], [BOX, BOX, BOX], [0.9, 0.8, 0.7], [CAT, DOG, CAT])).analysis
    assert found["confusion"]["matrix"] == [[1, 1, 0], [0, 0, 0], [1, 0, 0]]
    assert found["confusion"]["nowhere"] == {
        "localisation": [0, 0], "both": [0, 0], "duplicate": [1, 0], "background": [0, 0]
    }  # fmt: skip
    adds_up_to_the_kinds_of_errors(found["confusion"], {one["kind"]: one["count"] for one in found["errors"]})


def test_all_names_are_known_before():
    dataset, detections = random_set(1, images=10)
    label_map = {f"{name}é": number for name, number in dataset.label_map.items()}
    measured = measure(Dataset(dataset.images, dataset.truth, label_map), detections)
    assert list(measured.metrics) == names.of_classes(label_map)


def test_detections_of_unknown_classes_are_left_out():
    dataset = Dataset(images_of(2), truth_of([0, 1], [BOX, BOX], [CAT, CAT]), {"cat": 1, "owl": 7})
    known = found_of([0], [BOX], [0.9], [CAT])
    more = found_of([0, 0, 1], [BOX, BOX, BOX], [0.95, 0.9, 0.8], [3, CAT, 9])
    assert measure(dataset, more)[:3] == measure(dataset, known)[:3]


def test_analysis_json_is_written(tmp_path):
    dataset, detections = random_set(1, images=10)
    found = measure(dataset, detections).analysis
    analysis.write(tmp_path / "1/analysis.json", found)
    assert json.loads((tmp_path / "1/analysis.json").read_text()) == found
