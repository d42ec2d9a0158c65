"""No object is learned as background: what comes of boxes that are broken, shaped otherwise, difficult or ignored."""

import re

import pytest
from tests.unit.dataset.test_defects import CAT, NAN, label_map, make

from boxwright.core.errors import UserError
from boxwright.dataset.defects import DEFECTS
from boxwright.dataset.samples import Box

POINTS = ((20, 30), (50, 30), (50, 44))
ITEM = "<object><name>cat</name>{}{}</object>"


def shaped(dataset, name, place, head=""):
    """A sample whose one object is written as given."""
    dataset.sample(name)
    path = dataset.annotations / f"{name[:-4]}.xml"
    text = path.read_text()
    start, end = text.index("<object>"), text.index("</object>") + len("</object>")
    path.write_text(text[:start] + ITEM.format(head, place) + text[end:])


@pytest.mark.parametrize(
    ("place", "defect", "corners"),
    [
        (
            "<polygon>" + "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in POINTS) + "</polygon>",
            "box_from_polygon",
            (20, 30, 50, 44),
        ),
        (
            "<polygon>"
            + "".join(f"<x{n}>{x}</x{n}><y{n}>{y}</y{n}>" for n, (x, y) in enumerate(POINTS))
            + "</polygon>",
            "box_from_polygon",
            (20, 30, 50, 44),
        ),
        (
            "<robndbox><cx>30</cx><cy>24</cy><w>30</w><h>10</h><angle>0.5</angle></robndbox>",
            "box_rotated",
            (14.44, 12.42, 45.56, 35.58),
        ),
        (
            "<bndbox><x1>30</x1><y1>2</y1><x2>50</x2><y2>20</y2><x3>30</x3><y3>38</y3><x4>10</x4><y4>20</y4></bndbox>",
            "box_rotated",
            (10, 2, 50, 38),
        ),
    ],
    ids=["points", "numbered", "rotated", "four corners"],
)
def test_another_shape_gives_the_rectangle_around_it(dataset, tmp_path, place, defect, corners):
    dataset.fill(10)
    shaped(dataset, "bad.jpg", place)
    made, found, left = make(dataset, tmp_path / "out")
    (box,) = left["bad.jpg"].boxes
    assert box.corners == pytest.approx(corners, abs=0.01) and box.shape == "" and not left["bad.jpg"].regions
    assert [(f.file, f.defect, f.action) for f in found] == [("bad.xml", defect, "fix")]
    assert f"1 {defect}" in " ".join(made.summary.split())
    left = make(dataset, tmp_path / "kept", policies={defect: "drop_box", "image_emptied": "keep"})[2]
    assert left["bad.jpg"].boxes == () and left["bad.jpg"].regions[0].corners == pytest.approx(corners, abs=0.01)


def test_a_box_goes_before_the_polygon_that_comes_with_it(dataset, tmp_path):
    dataset.fill(10)
    frame = "<bndbox><xmin>8</xmin><ymin>6</ymin><xmax>40</xmax><ymax>30</ymax></bndbox>"
    shaped(
        dataset, "bad.jpg", frame + "<polygon><x1>1</x1><y1>1</y1><x2>9</x2><y2>1</y2><x3>9</x3><y3>9</y3></polygon>"
    )
    _, found, left = make(dataset, tmp_path / "out")
    assert found == [] and left["bad.jpg"].boxes == (CAT,)


@pytest.mark.parametrize(
    "place",
    [
        "",
        "<polygon><pt><x>1</x><y>2</y></pt><pt><x>9</x><y>2</y></pt></polygon>",
        "<polygon><pt><x>1</x><y>2</y></pt><pt><x>9</x><y>2</y></pt><pt><x>9</x><y>?</y></pt></polygon>",
        "<robndbox><cx>30</cx><cy>24</cy><w>30</w><h>10</h></robndbox>",
        "<mask>010</mask>",
    ],
)
def test_a_place_that_cannot_be_read_leaves_no_background(dataset, tmp_path, place):
    dataset.fill(10)
    shaped(dataset, "bad.jpg", place)
    dataset.sample("more.jpg", CAT, Box("cat", 1, 1, NAN, 5))
    made, found, left = make(dataset, tmp_path / "out")
    assert len(left) == 10 and made.counts["train"]["negatives"] + made.counts["eval"]["negatives"] == 0
    assert {(f.file, f.action) for f in found if f.defect == "box_not_a_number"} == {
        ("bad.xml", "drop_image"),
        ("more.xml", "drop_image"),
    }


def test_a_deleted_object_is_none(dataset, tmp_path):
    dataset.fill(10)
    shaped(dataset, "bad.jpg", "<polygon></polygon>", head="<deleted>1</deleted>")
    _, found, left = make(dataset, tmp_path / "out")
    assert found == [] and left["bad.jpg"].boxes == ()


@pytest.mark.parametrize(
    ("box", "defect", "region"),
    [
        (Box("cat", 40, 30, 8, 6), "box_inverted", (8, 6, 40, 30)),
        (Box("cat", 8, 6, 8, 30), "box_zero_area", (7.5, 6, 8.5, 30)),
        (Box("cat", 64, 6, 64, 30), "box_zero_area", None),
        (Box("cat", 0, 0, 0.25, 30), "box_subpixel", (0, 0, 1, 30)),
        (Box("cat", 63.5, 6, 80, 30), "box_subpixel", (63, 6, 64, 30)),
        (Box("cat", 70, 6, 80, 30), "box_outside", None),
        (Box("", 8, 6, 40, 30), "class_missing", (8, 6, 40, 30)),
    ],
)
def test_the_place_of_a_dropped_box_is_ignored(dataset, tmp_path, box, defect, region):
    dataset.fill(10)
    kept = Box("dog", 20, 20, 60, 44)
    dataset.sample("bad.jpg", kept, box)
    made, found, left = make(dataset, tmp_path / "out")
    assert defect in {f.defect for f in found if f.action == "drop_box"}
    assert left["bad.jpg"].boxes == (kept,)
    assert [(one.class_name, *one.corners) for one in left["bad.jpg"].regions] == (
        [(box.class_name, *region)] if region else []
    )
    assert made.counts["train"]["regions"] + made.counts["eval"]["regions"] == bool(region)
    assert ("1 ignore region" in made.summary) == bool(region)
    dataset.sample("bad.jpg", box)
    assert "bad.jpg" not in make(dataset, tmp_path / "alone")[2]
    sample = make(dataset, tmp_path / "kept", policies={"image_emptied": "keep"})[2]["bad.jpg"]
    assert sample.boxes == () and len(sample.regions) == bool(region)


def test_an_unknown_class_that_is_dropped_is_ignored_whatever_is_found_there(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg", CAT, Box("dgo", 1, 2, 30, 40))
    given = label_map(tmp_path, "cat", "dog")
    left = make(dataset, tmp_path / "out", label_map=given, policies={"class_unknown": "drop_box"})[2]
    assert left["bad.jpg"].regions == (Box("", 1, 2, 30, 40),)


def test_one_of_several_equal_boxes_is_kept(dataset, tmp_path):
    dataset.fill(10)
    near, other = Box("cat", 8.5, 6, 40, 30), Box("cat", 8, 6, 38, 30)
    dataset.sample("bad.jpg", CAT, CAT, Box("dog", 2, 2, 20, 20), near, other)
    _, found, left = make(dataset, tmp_path / "out")
    assert left["bad.jpg"].boxes == (CAT, Box("dog", 2, 2, 20, 20), other) and left["bad.jpg"].regions == ()
    assert [(f.file, f.box, f.defect, f.action) for f in found] == [
        ("bad.jpg", "2: cat [8, 6, 40, 30]", "box_twice", "drop_box"),
        ("bad.jpg", "4: cat [8.5, 6, 40, 30]", "box_twice", "drop_box"),
    ]
    _, found, left = make(dataset, tmp_path / "kept", policies={"box_twice": "keep"})
    assert len(left["bad.jpg"].boxes) == 5 and len(found) == 2


def test_two_classes_on_one_box_are_said(dataset, tmp_path):
    dataset.fill(10)
    boxes = (CAT, Box("dog", *CAT.corners), Box("red", *CAT.corners), Box("cat", *CAT.corners))
    dataset.sample("bad.jpg", *boxes)
    _, found, left = make(dataset, tmp_path / "out")
    assert left["bad.jpg"].boxes == boxes[:3]
    assert [(f.box[:6], f.defect, f.action) for f in found] == [
        ("2: dog", "box_of_two_classes", "keep"),
        ("3: red", "box_of_two_classes", "keep"),
        ("4: cat", "box_twice", "drop_box"),
    ]


def test_difficult_boxes(dataset, tmp_path):
    dataset.fill(10)
    box = Box("emu", 1, 2, 30, 40, difficult=True)
    dataset.sample("bad.jpg", CAT, box)
    dataset.sample("hard.jpg", box)
    made, found, left = make(dataset, tmp_path / "keep")
    assert left["bad.jpg"].boxes == (CAT, box) and "emu" in made.classes
    assert [(f.file, f.defect, f.action) for f in found] == [
        ("bad.xml", "box_difficult", "keep"),
        ("hard.xml", "box_difficult", "keep"),
    ]
    made, _, left = make(dataset, tmp_path / "drop", policies={"box_difficult": "drop_box"})
    assert left["bad.jpg"][7:] == ((CAT,), ()) and "hard.jpg" not in left and "emu" not in made.classes
    made, _, left = make(dataset, tmp_path / "ignore", policies={"box_difficult": "ignore"})
    assert (
        left["bad.jpg"][7:] == ((CAT,), (box,)) and left["hard.jpg"][7:] == ((), (box,)) and "emu" not in made.classes
    )
    with pytest.raises(UserError, match=re.escape("box_difficult` is drop_image; allowed: keep | drop_box | ignore")):
        make(dataset, tmp_path / "no", policies={"box_difficult": "drop_image"})


def test_classes_are_renamed_and_ignored(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg", CAT, Box("ctas", 1, 2, 30, 40), Box("dont_care", 2, 2, 60, 40), Box("sky", 0, 0, 64, 9))
    dataset.sample("sky.jpg", Box("sky", 0, 0, 64, 9))
    classes = {"rename": {"ctas": "cat", "cat": "dog", "dog": "cat", "sky": "dont_care"}, "ignore": ["dont_care"]}
    made, found, left = make(dataset, tmp_path / "out", classes=classes)
    assert list(made.classes) == ["cat", "dog"] and found == []
    assert left["s00.jpg"].classes == ("dog",) and left["s01.jpg"].classes == ("cat",)
    sample = left["bad.jpg"]
    assert sample.boxes == (CAT._replace(class_name="dog"), Box("cat", 1, 2, 30, 40))
    assert sample.regions == (Box("", 2, 2, 60, 40), Box("", 0, 0, 64, 9))
    assert left["sky.jpg"].boxes == () and len(left["sky.jpg"].regions) == 1
    given = label_map(tmp_path, "cat", "dog")
    again = make(dataset, tmp_path / "given", classes=classes, label_map=given)
    assert again[2] == left


def test_objects_without_a_class_get_one(dataset, tmp_path):
    """As tools for one class write them, dlib's for example."""
    dataset.fill(10)
    dataset.sample("bad.jpg", CAT, Box("", 1, 2, 30, 40))
    made, found, left = make(dataset, tmp_path / "out", classes={"rename": {"": "coin"}})
    assert found == [] and "coin" in made.classes
    assert left["bad.jpg"].boxes == (CAT, Box("coin", 1, 2, 30, 40))
    _, (case,), _ = make(dataset, tmp_path / "without")
    assert case.defect == "class_missing" and 'rename: {"": its name}' in DEFECTS["class_missing"].advice


def test_two_classes_that_become_one_are_copies(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg", CAT, Box("feline", *CAT.corners))
    _, found, left = make(dataset, tmp_path / "out", classes={"rename": {"feline": "cat"}})
    assert left["bad.jpg"].boxes == (CAT,) and [f.defect for f in found] == ["box_twice"]


def test_where_no_box_is_left_each_object_is_told_by_its_reason(dataset, tmp_path):
    dataset.fill(10)
    with pytest.raises(UserError, match=r"so there is nothing to learn\.\nAll 10 objects are of classes in") as caught:
        make(dataset, tmp_path / "all", classes={"ignore": ["cat", "dog"]})
    assert "`dataset.classes.ignore`. Take those to learn out of it." in str(caught.value)
    dataset.sample("hard.jpg", Box("bird", 1, 1, 30, 30, difficult=True))
    with pytest.raises(UserError) as caught:
        make(dataset, tmp_path / "some", classes={"ignore": ["cat", "dog"]}, policies={"box_difficult": "ignore"})
    told = (
        "None of the 11 images has a box, so there is nothing to learn.\nThe annotations have 11 objects, and this is "
        "why none is used: 1 box_difficult (the box is marked as difficult), 10 ignored_class (the class is one of "
        "`dataset.classes.ignore`).\n"
    )
    assert told in str(caught.value)


def test_an_ignored_box_must_have_a_place(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg", CAT, Box("sky", 1, 1, NAN, 9))
    _, found, left = make(dataset, tmp_path / "out", classes={"ignore": ["sky"]})
    assert "bad.jpg" not in left and [f.defect for f in found] == ["box_not_a_number"]


def test_rules_without_effect_are_mistakes(dataset, tmp_path):
    dataset.fill(10)
    classes = {"rename": {"dgo": "dog", "cat": "feline", "bird": " \u200b", "": "dog"}, "ignore": ["cat", "sky"]}
    with pytest.raises(UserError) as error:
        make(dataset, tmp_path / "out", classes=classes)
    text = str(error.value)
    assert "rename` gives 'bird' an invisible name" in text
    assert "rename` renames 'dgo', which no annotation has as a class; there is only 'dog', so leave this out" in text
    assert 'rename` names objects without a class (`""`), but all have one' in text
    assert "ignore` names 'cat', which is renamed to 'feline'; write 'feline' there" in text
    assert "ignore` names 'sky', which no annotation has as a class; known are dog, feline" in text


@pytest.mark.parametrize("name", ["background", "Background "])
def test_a_class_called_background_stops(dataset, tmp_path, name):
    dataset.fill(10, classes=("cat", name.strip()))
    with pytest.raises(UserError, match=r"s01\.jpg: class_background, .* \(5 images\)") as error:
        make(dataset, tmp_path / "out")
    assert "dataset.classes.rename" in str(error.value)
    made, found, _ = make(dataset, tmp_path / "kept", policies={"class_background": "keep"})
    assert name.strip() in made.classes and [f.defect for f in found] == ["class_background"]
    assert make(dataset, tmp_path / "renamed", classes={"rename": {name.strip(): "dog"}})[1] == []
    given = label_map(tmp_path, "cat", name)
    dataset.fill(10, classes=("cat",))
    with pytest.raises(UserError, match="the label map: class_background"):
        make(dataset, tmp_path / "given", label_map=given)


def test_a_dropped_box_is_not_said_to_be_clipped(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg", CAT, Box("cat", 70, 6, 80, 30))
    dataset.sample("more.jpg", Box("cat", 8, 6, 70, 30))
    lines = make(dataset, tmp_path / "out")[0].summary.splitlines()
    dropped, fixed = sorted(line for line in lines if "box_outside" in line and "Objects" not in line)
    assert "box dropped: the box extends beyond the image ->" in dropped and "(clipped)" in fixed


def test_regions_belong_to_the_identity_of_a_shard(dataset, tmp_path):
    dataset.fill(10)
    box = Box("cat", 1, 2, 30, 40, difficult=True)
    dataset.sample("bad.jpg", Box("dog", 9, 9, 60, 44), box)
    one, _, _ = make(dataset, tmp_path / "1", policies={"box_difficult": "drop_box"})
    two, _, _ = make(dataset, tmp_path / "2", policies={"box_difficult": "ignore"})
    assert sum(one.identities[name] != two.identities[name] for name in one.identities if "-of-" in name) == 1
