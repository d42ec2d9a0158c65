"""Names of classes and files in a data set: one form everywhere, told where they were changed or are suspicious."""

import os
import time
import unicodedata

import pytest
from tests import factories

from boxwright.core.errors import UserError
from boxwright.dataset import label_map, manifest, plan
from boxwright.dataset.class_names import misspelt
from boxwright.dataset.samples import Box

CAFE, APART = "caf\u00e9", "cafe\u0301"


def make(dataset, out, **changes):
    """The plan, the table of findings by defect, and the samples by name."""
    made = plan.make(dataset.settings(**changes), out)
    rows = [line.split("\t") for line in (out / "plan/checks.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    found = {defect: (file, detail) for file, _, defect, _, detail in rows}
    left = {sample.name: sample for path in (out / "plan").glob("*.jsonl") for sample in manifest.read(path)}
    return made, found, left


def in_both_forms(dataset, names=(CAFE, APART)):
    for index in range(12):
        dataset.sample(f"i{index:02d}.jpg", Box(names[index % len(names)], 8, 6, 40, 30))


def test_two_unicode_forms_are_one_class(dataset, tmp_path):
    in_both_forms(dataset)
    made, found, left = make(dataset, tmp_path / "out")
    assert list(made.classes) == [CAFE]
    assert sum(made.counts[side]["classes"][CAFE] for side in ("train", "eval")) == 12
    assert found == {"class_spelling": ("i01.xml", f"'cafe\\u0301' is read as '{CAFE}' (6 boxes)")}
    assert {box.class_name for sample in left.values() for box in sample.boxes} == {CAFE}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_given_label_map_may_have_either_form(dataset, tmp_path, form):
    in_both_forms(dataset)
    given = tmp_path / "given.pbtxt"
    given.write_text(unicodedata.normalize(form, f"item {{ id: 1 name: '{CAFE}' }}"), encoding="utf-8")
    made, found, left = make(dataset, tmp_path / "out", label_map=str(given))
    assert made.classes == label_map.read(tmp_path / "out/plan/label_map.pbtxt") == {CAFE: 1}
    assert list(found) == ["class_spelling"] and len(left) == 12


def test_white_space_in_a_class_name_is_one_space(dataset, tmp_path):
    in_both_forms(dataset, ("traffic light", "traffic\nlight", "traffic\t  light\u00a0"))
    made, found, _ = make(dataset, tmp_path / "out")
    assert list(made.classes) == ["traffic light"]
    assert found["class_spelling"][1].endswith("is read as 'traffic light' (4 boxes)")


def test_a_name_of_nothing_is_missing(dataset, tmp_path):
    in_both_forms(dataset, ("cat", "cat", "\u200b"))
    made, found, left = make(dataset, tmp_path / "out")
    assert list(made.classes) == ["cat"] and "class_missing" in found and len(left) == 8


def test_files_and_lists_follow_the_same_rules(dataset, tmp_path):
    """The image's name, the annotation's and the list's are three forms of one name."""
    for index in range(4):
        image, stated = (f"{name} {index}" for name in (CAFE, APART.upper()))
        dataset.image(f"{image}.jpg", factories.photo(index))
        dataset.xml(f"x{index}.jpg", Box("cat", 8, 6, 40, 30), filename=f"{stated.replace(' ', '  ')}.JPG")
    lists = {}
    for side, indices in (("train", (0, 1)), ("eval", (2, 3))):
        lists[side] = str(tmp_path / side)
        (tmp_path / side).write_text("".join(f"{APART}\t {index}\n" for index in indices), encoding="utf-8")
    made, _, left = make(dataset, tmp_path / "out", split={"eval_fraction": 0.2, "seed": 0, **lists})
    assert made.counts["train"]["boxes"] == made.counts["eval"]["boxes"] == 2 and len(left) == 4


def test_files_whose_names_differ_only_in_spaces_stay_apart(dataset, tmp_path):
    dataset.fill(10)
    for index, name in enumerate(("a b.jpg", "a  b.jpg")):
        dataset.sample(name, Box("cat", 8 + index, 6, 40, 30), data=factories.photo(index))
    _, _, left = make(dataset, tmp_path / "out")
    assert left["a b.jpg"].boxes[0].xmin == 8 and left["a  b.jpg"].boxes[0].xmin == 9


def test_a_name_that_is_not_utf_8_is_told_and_left_out(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg")
    for path in (dataset.images / "bad.jpg", dataset.annotations / "bad.xml"):
        path.rename(path.parent / os.fsdecode(b"bad\xff" + path.suffix.encode()))
    _, found, left = make(dataset, tmp_path / "out")
    assert found["image_name"] == ("bad\\xff.jpg", "its name is not UTF-8") and len(left) == 10
    with pytest.raises(UserError, match=r"bad\\xff\.jpg: image_name"):
        make(dataset, tmp_path / "out", policies={"image_name": "fail"})


def test_a_rare_name_beside_a_frequent_one(dataset, tmp_path):
    for index in range(19):
        name = "bobber" if index in (3, 9) else "bobble"
        dataset.sample(f"i{index:02d}.jpg", Box("bobble", 8, 6, 40, 30), Box(name, 20, 6, 50, 30))
    made, found, left = make(dataset, tmp_path / "out")
    assert found == {"class_misspelt": ("i03.jpg", "'bobber' (2 boxes) and 'bobble' (36 boxes)")}
    assert list(made.classes) == ["bobber", "bobble"] and len(left) == 19
    given = tmp_path / "given.pbtxt"
    label_map.write(given, made.classes)
    assert make(dataset, tmp_path / "out", label_map=str(given))[1] == {}, "whoever lists both means both"


@pytest.mark.parametrize(
    ("rare", "common", "told"),
    [
        ("racoon", "raccoon", True),
        ("raccooon", "raccoon", True),
        ("racocon", "raccoon", True),
        ("Rakoon", "raccoon", True),
        ("dogs", "dog", True),
        ("cat", "car", False),  # too short
        ("RCB", "RBC", True),
        ("RBC", "WBC", False),
        ("arc", "car", False),  # the same letters, but more than two neighbours swapped
        ("on", "no", False),
        ("A12", "A21", False),
        ("bird", "bear", False),
        ("class 1", "class 2", False),
        ("cafe", CAFE, True),
        ("Cat ", "cat", False),  # class_similar tells it
    ],
)
def test_what_may_be_misspelt(rare, common, told):
    assert list(misspelt({rare: 2, common: 20})) == ([(rare, common)] if told else [])
    assert list(misspelt({rare: 3, common: 20})) == []


def test_many_classes_are_compared_quickly():
    boxes = {f"{a}{b}{c}{d} thing": 1 + len(a + b) for a in "bcdf" for b in "aeiou" for c in "lmnrst" for d in "xyz"}
    start = time.monotonic()
    assert list(misspelt({**boxes, "thingamajig": 100, "thingamagig": 1})) == [("thingamagig", "thingamajig")]
    assert time.monotonic() - start < 5
