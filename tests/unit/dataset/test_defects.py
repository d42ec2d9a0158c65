"""Every defect, made on purpose: named with its file and box, treated as the policy says, never silent."""

import csv
import io
import math
import struct

import numpy as np
import pytest
from PIL import Image
from tests import factories

from boxwright.core.errors import UserError
from boxwright.dataset import manifest, plan
from boxwright.dataset.defects import ALIASES, DEFECTS, Case, policies
from boxwright.dataset.samples import POLYGON, ROTATED, Box

SHARES = Box("cat", 0.125, 0.25, 0.5, 0.75)
CAT = Box("cat", 8, 6, 40, 30)
NAN = float("nan")
GRAY = Image.fromarray(factories.pixels(1)).convert("L")
DEEP = factories.png16(np.zeros((48, 64, 3), np.uint16))
HUGE = factories.declared(factories.photo(1), 14000, 13000)
ALPHA = np.dstack([factories.pixels(1), factories.pixels(2)[..., :1]])


def make(dataset, out, **changes):
    """Plan a data set: the plan, the findings, and the samples by name."""
    made = plan.make(dataset.settings(**changes), out)
    return made, findings(out / "plan" / "checks.tsv"), samples(out)


def findings(path):
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8")), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert tuple(rows[0]) == Case._fields
    return [Case(*row) for row in rows[1:]]


def samples(out):
    return {sample.name: sample for path in (out / "plan").glob("*.jsonl") for sample in manifest.read(path)}


# Each case: what is added to ten good samples, the file and the box that are named, the action by default, and whether
# the sample bad.* is still there.
def broken_image(data, name="bad.jpg"):
    return lambda d: d.sample(name, data=data)


def boxed(*boxes, data=None, **stated):
    return lambda d: d.sample("bad.jpg", *boxes, data=data, **stated)


PLACES = {
    POLYGON: "<polygon><pt><x>8</x><y>6</y></pt><pt><x>40</x><y>6</y></pt><pt><x>40</x><y>30</y></pt></polygon>",
    # 22 x 16 pixels around (47, 34), turned so that the cosine is 0.8 and the sine is 0.6
    ROTATED: f"<robndbox><cx>47</cx><cy>34</cy><w>22</w><h>16</h><angle>{math.atan2(0.6, 0.8)!r}</angle></robndbox>",
}


def shaped(shape, *boxes, place=""):
    """A sample with an object that has something else in place of a box."""

    def add(d):
        d.sample("bad.jpg", *(boxes or (Box("dog", 1, 40, 9, 47),)))
        path = d.annotations / "bad.xml"
        item = f"<object><name>cat</name>{place or PLACES[shape]}</object></annotation>"
        path.write_text(path.read_text().replace("</annotation>", item))

    return add


def truncated(d):
    d.sample("bad.jpg", data=factories.photo(1)[:-200])


def without_annotation(d):
    d.image("bad.jpg")


def without_image(d):
    d.xml("bad.jpg", CAT)


def malformed(d):
    d.sample("bad.jpg")
    path = d.annotations / "bad.xml"
    path.write_bytes(path.read_bytes()[:-20])


def ambiguous(d):
    d.image("one/bad.jpg")
    d.image("two/bad.jpg")
    d.xml("bad.jpg", CAT)


def twice(d):
    d.sample("bad.jpg")
    d.xml("copy.jpg", CAT, filename="bad.jpg")


def twice_unsettled(d):
    d.image("bad.jpg")
    d.xml("x.jpg", CAT, filename="bad.jpg")
    d.xml("y.jpg", Box("cat", 1, 2, 30, 40), filename="bad.jpg")


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 174833\n".encode()
CVAT = "<annotations><version>1.1</version><image id='0' name='bad.jpg' width='64' height='48'></image></annotations>"


def written(text):
    """An image, and an annotation with its name and this text."""

    def add(d):
        d.sample("bad.jpg")
        (d.annotations / "bad.xml").write_bytes(text if isinstance(text, bytes) else text.encode())

    return add


def contradiction(d):
    """The annotation lies where bad/1.jpg does, but only other/1.jpg is of the size that it states."""
    d.image("other/1.jpg", factories.photo(3, 32, 24))
    d.image("bad/1.jpg")
    for place in ("bad", "other"):
        (d.annotations / place).mkdir()
        d.xml(f"{place}/1.jpg", Box("cat", 1, 2, 20, 20), size=(32, 24))


def same_name(d):
    d.image("sub/s00.jpg")
    (d.annotations / "sub").mkdir()
    d.xml("sub/s00.jpg", CAT)


def copy(*boxes):
    return lambda d: d.sample("t.jpg", *boxes, data=(d.images / "s00.jpg").read_bytes())


def similar(d):
    d.sample("t.jpg", Box("Cat ", 8, 6, 40, 30))
    d.sample("u.jpg", Box("Cat", 8, 6, 40, 30))


def unwritable(name):
    return lambda d: d.sample(name, data=factories.photo(1), filename="bad")


def spelt(d):
    d.sample("bad.jpg", Box("white\n cat", 8, 6, 40, 30))
    d.sample("u.jpg", Box("white cat", 8, 6, 40, 30))


def misspelt(d):
    for index in range(20):
        d.sample(f"t{index}.jpg", Box("bobber" if index == 7 else "bobble", 8, 6, 40, 30))


CASES = {
    "image_unreadable": (broken_image(b"not an image"), "bad.jpg", "", "drop_image", False),
    "image_unreadable (web page)": (broken_image(b"<html>404</html>"), "bad.jpg", "", "drop_image", False),
    "image_not_fetched": (broken_image(POINTER), "bad.jpg", "", "drop_image", False),
    "image_truncated": (truncated, "bad.jpg", "", "drop_image", False),
    "image_truncated (empty)": (broken_image(b""), "bad.jpg", "", "drop_image", False),
    "image_extension_lies": (broken_image(factories.encode(factories.pixels(1), "PNG")), "bad.jpg", "", "fix", True),
    "image_format": (broken_image(factories.encode(factories.pixels(1), "BMP"), "bad.bmp"), "bad.bmp", "", "fix", True),
    "image_grayscale": (broken_image(factories.encode(GRAY)), "bad.jpg", "", "keep", True),
    "image_cmyk": (broken_image(factories.cmyk()), "bad.jpg", "", "fix", True),
    "image_16_bit": (broken_image(DEEP, "bad.png"), "bad.png", "", "fix", True),
    "image_alpha": (broken_image(factories.encode(ALPHA, "PNG"), "bad.png"), "bad.png", "", "fix", True),
    "image_huge": (broken_image(HUGE), "bad.jpg", "", "drop_image", False),
    "image_name": (unwritable("bad\udcff.jpg"), "bad\\xff.jpg", "", "drop_image", False),
    "image_name (control)": (unwritable("bad\1.jpg"), "bad\\x01.jpg", "", "drop_image", False),
    "exif_rotation": (boxed(CAT, data=factories.photo(1, orientation=6), size=(48, 64)), "bad.jpg", "", "fix", True),
    "exif_ambiguous": (boxed(CAT, data=factories.photo(1, orientation=3)), "bad.xml", "", "keep", True),
    "exif_illegal": (boxed(CAT, data=factories.photo(1, orientation=0)), "bad.jpg", "", "keep", True),
    "size_mismatch": (boxed(CAT, size=(640, 480)), "bad.xml", "", "fix", True),
    "size_mismatch (turned)": (boxed(Box("cat", 8, 6, 40, 60), size=(48, 64)), "bad.xml", "", "drop_image", False),
    "boxes_normalised": (boxed(SHARES, Box("dog", 0, 0, 1, 1)), "bad.xml", "", "drop_image", False),
    "box_not_a_number": (boxed(Box("a", 8, 6, NAN, 30), CAT), "bad.xml", "1: a [8, 6, nan, 30]", "drop_image", False),
    "box_inverted": (boxed(CAT, Box("dog", 40, 6, 8, 30)), "bad.xml", "2: dog [40, 6, 8, 30]", "drop_box", True),
    "box_zero_area": (boxed(CAT, Box("dog", 8, 6, 8, 30)), "bad.xml", "2: dog [8, 6, 8, 30]", "drop_box", True),
    "box_outside": (boxed(Box("cat", -1, 6, 65.5, 30)), "bad.xml", "1: cat [-1, 6, 65.5, 30]", "fix", True),
    "box_outside (wholly)": (boxed(CAT, Box("a", 70, 6, 80, 30)), "bad.xml", "2: a [70, 6, 80, 30]", "drop_box", True),
    "box_subpixel": (boxed(CAT, Box("cat", 8, 6, 8.5, 30)), "bad.xml", "2: cat [8, 6, 8.5, 30]", "drop_box", True),
    "box_from_polygon": (shaped(POLYGON), "bad.xml", "2: cat [8, 6, 40, 30]", "fix", True),
    "box_rotated": (shaped(ROTATED), "bad.xml", "2: cat [33.4, 21, 60.6, 47]", "fix", True),
    "box_twice": (boxed(CAT, Box("cat", 8, 6, 40, 30.5)), "bad.jpg", "2: cat [8, 6, 40, 30.5]", "drop_box", True),
    "box_of_two_classes": (boxed(CAT, Box("dog", *CAT.corners)), "bad.jpg", "2: dog [8, 6, 40, 30]", "keep", True),
    "box_difficult": (boxed(CAT, Box("dog", 9, 6, 60, 40, True)), "bad.xml", "2: dog [9, 6, 60, 40]", "keep", True),
    "image_emptied": (boxed(Box("cat", 8, 6, 8, 30)), "bad.jpg", "", "drop_image", False),
    "class_missing": (boxed(CAT, Box("", 8, 6, 40, 30)), "bad.xml", "2: [8, 6, 40, 30]", "drop_box", True),
    "class_spelling": (spelt, "bad.xml", "", "fix", True),
    "class_misspelt": (misspelt, "t7.jpg", "", "keep", None),
    "class_similar": (similar, "t.jpg", "", "keep", None),
    "image_without_annotation": (without_annotation, "bad.jpg", "", "drop_image", False),
    "annotation_without_image": (without_image, "bad.xml", "", "drop_image", None),
    "annotation_malformed": (malformed, "bad.xml", "", "drop_image", False),
    "annotation_foreign": (written(CVAT), "bad.xml", "", "drop_image", False),
    "annotation_not_fetched": (written(POINTER), "bad.xml", "", "drop_image", False),
    "annotation_names_another": (boxed(CAT, filename="s03.jpg"), "bad.xml", "", "keep", True),
    "annotation_stale_name": (boxed(CAT, filename="gone.jpg"), "bad.xml", "", "keep", True),
    "annotation_contradiction": (contradiction, "bad/1.xml", "", "keep", True),
    "annotation_twice": (twice, "copy.xml", "", "fix", True),
    "annotation_twice (unsettled)": (twice_unsettled, "y.xml", "", "drop_image", False),
    "same_name": (same_name, "sub/s00.jpg", "", "keep", None),
    "duplicate_same_boxes": (copy(CAT), "t.jpg", "", "keep", None),
    "duplicate_other_boxes": (copy(Box("cat", 1, 2, 30, 40)), "t.jpg", "", "keep", None),
}  # fmt: skip
# These fail by default and have tests of their own below.
# The image has no other box.
EMPTYING = {"box_outside"}
FAILING = {"class_unknown", "class_background", "annotation_ambiguous", "duplicate_across_split"}
# Tested in test_near_duplicates.py, test_sources.py and test_other_tools.py.
ELSEWHERE = {
    "near_duplicate_across_split",
    "annotation_odd",
    "box_from_mask",
    "box_ignored",
    "class_attribute",
    "class_number",
    "image_unlabelled",
    "object_superseded",
    "object_not_a_box",
    "object_without_image",
}


def test_every_defect_has_a_case():
    assert {name.partition(" ")[0] for name in CASES} | FAILING | ELSEWHERE == set(DEFECTS)


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES)
def test_a_defect_is_named_and_treated(dataset, tmp_path, name, case):
    add, file, box, action, kept = case
    defect = name.partition(" ")[0]
    dataset.fill(10)
    add(dataset)
    made, found, left = make(dataset, tmp_path / "out")
    of_kind = [finding for finding in found if finding.defect == defect]
    assert [(finding.file, finding.box, finding.action) for finding in of_kind] == [(file, box, action)]
    assert of_kind[0].detail
    if kept is not None:
        assert any(sample.startswith("bad") for sample in left) == kept
    assert made.counts["defects"][defect] == 1
    assert defect in made.summary and DEFECTS[defect].told(action) in made.summary
    assert len([sample for sample in left if sample.startswith("s")]) >= 10


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES)
def test_each_policy_does_what_it_says(dataset, tmp_path, name, case):
    add, file, *_ = case
    defect = name.partition(" ")[0]
    dataset.fill(10)
    before = set(dataset.images.rglob("*"))
    add(dataset)
    added = {
        str(path.relative_to(dataset.images)) for path in set(dataset.images.rglob("*")) - before if path.is_file()
    }
    for policy in DEFECTS[defect].policies:
        out = tmp_path / policy
        if policy == "fail":
            with pytest.raises(UserError) as error:
                make(dataset, out, policies={defect: policy})
            assert (
                file in str(error.value) and defect in str(error.value) and str(out / "checks.tsv") in str(error.value)
            )
            assert not (out / "plan" / "plan.json").exists()
            (finding,) = [f for f in findings(out / "checks.tsv") if f.defect == defect]
            assert finding.action == "fail"
            continue
        _, found, left = make(dataset, out, policies={defect: policy})
        (finding,) = [f for f in found if f.defect == defect]
        if policy == "drop_image":
            assert finding.action == "drop_image"
            gone = added - left.keys()
            assert gone if added else defect == "annotation_without_image"
        elif policy == "ignore":
            assert finding.action == "ignore"
            assert len(left["bad.jpg"].regions) == 1
        elif policy == "drop_box" and name in EMPTYING:
            assert "image_emptied" in {f.defect for f in found}
        elif policy == "drop_box":
            assert finding.action == "drop_box"
            assert added <= left.keys()
        elif policy == "keep":
            assert finding.action == "keep"
            assert added <= left.keys()


def box_of(dataset, out, **changes):
    (box,) = make(dataset, out, **changes)[2]["bad.jpg"].boxes
    return box.corners


def test_fixed_boxes(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg", Box("cat", -3.5, 6, 70, 48.25))
    assert box_of(dataset, tmp_path / "1") == (0, 6, 64, 48)
    dataset.sample("bad.jpg", Box("cat", 40, 30, 8.5, 6))
    assert box_of(dataset, tmp_path / "2", policies={"box_inverted": "fix"}) == (8.5, 6, 40, 30)
    dataset.sample("bad.jpg", Box("cat", 8, 6, 8.5, 30))
    assert box_of(dataset, tmp_path / "3", policies={"box_subpixel": "keep"}) == (8, 6, 8.5, 30)


def test_boxes_in_shares_of_the_image_are_told_once_and_scaled_on_request(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg", SHARES, Box("dog", 0, 0, 1, 1))
    _, found, _ = make(dataset, tmp_path / "1")
    assert [one.defect for one in found] == ["boxes_normalised"]
    assert found[0].detail == "the image is 64x48, box 1: cat [0.125, 0.25, 0.5, 0.75]"
    _, found, left = make(dataset, tmp_path / "2", policies={"boxes_normalised": "fix"})
    assert [one.action for one in found] == ["fix"]
    assert [box.corners for box in left["bad.jpg"].boxes] == [(8, 12, 32, 36), (0, 0, 64, 48)]


def test_shares_that_reach_beyond_the_image_are_shares(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg", SHARES, Box("dog", 0.25, 0.25, 1.01, 0.75))
    _, found, left = make(dataset, tmp_path, policies={"boxes_normalised": "fix"})
    assert [one.defect for one in found] == ["boxes_normalised", "box_outside"]
    assert [box.corners for box in left["bad.jpg"].boxes] == [(8, 12, 32, 36), (16, 12, 64, 36)]


@pytest.mark.parametrize(
    "boxes",
    [(Box("cat", 0, 0, 1, 1),), (Box("cat", 0.5, 0.5, 1.5, 1.5),), (Box("cat", 0.2, 0.2, 0.8, 0.8), CAT)],
    ids=["a pixel", "nearly a pixel", "one of several"],
)
def test_small_boxes_are_no_shares_of_the_image(dataset, tmp_path, boxes):
    dataset.fill(10)
    dataset.sample("bad.jpg", *boxes)
    _, found, _ = make(dataset, tmp_path)
    assert "boxes_normalised" not in {one.defect for one in found}


def test_a_clipped_box_can_be_too_small(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg", CAT, Box("cat", 63.5, 6, 80, 30))
    _, found, left = make(dataset, tmp_path / "out")
    assert [(f.defect, f.action) for f in found] == [("box_outside", "fix"), ("box_subpixel", "drop_box")]
    assert left["bad.jpg"].boxes == (CAT,)


def test_precise_boxes_stay_precise(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg", Box("cat", 0.1, 1 / 3, 63.999999999, 48))
    assert box_of(dataset, tmp_path / "out") == (0.1, 1 / 3, 63.999999999, 48)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
@pytest.mark.parametrize("reading", ["upright", "stored", "upright without size", "stored without size"])
def test_boxes_on_a_turned_image_are_read_in_the_frame_they_were_drawn_in(dataset, tmp_path, orientation, reading):
    """The stored image is 64x48, the upright one 48x64. Each box fits one of them alone, or the stated size decides."""
    from boxwright.images import exif

    dataset.fill(10)
    data = factories.photo(1, orientation=orientation)
    corners = (2, 3, 40, 60) if reading.startswith("upright") else (3, 2, 60, 40)
    size = (0, 0) if "without" in reading else (48, 64) if reading == "upright" else (64, 48)
    dataset.sample("bad.jpg", Box("cat", *corners), data=data, size=size)
    _, found, left = make(dataset, tmp_path / "out")
    assert [finding.defect for finding in found] == ["exif_rotation"]
    sample = left["bad.jpg"]
    assert (sample.width, sample.height, sample.fixes) == (48, 64, ("upright",))
    expected = corners if reading.startswith("upright") else exif.upright_corners(corners, 64, 48, orientation)
    assert sample.boxes[0].corners == expected


def test_a_turned_image_with_a_box_that_fits_both_readings_is_ambiguous_without_a_size(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg", CAT, data=factories.photo(1, orientation=6), size=(0, 0))
    dataset.sample("clear.jpg", CAT, data=factories.photo(2, orientation=6), size=(64, 48))
    _, found, left = make(dataset, tmp_path / "out")
    (finding,) = [finding for finding in found if finding.defect == "exif_ambiguous"]
    assert finding.file == "bad.xml" and "read as stored, like 1 of 1 image where it is clear" in finding.detail
    assert left["bad.jpg"].boxes[0].corners == left["clear.jpg"].boxes[0].corners == (18, 8, 42, 40)


def test_sizes_that_disagree(dataset, tmp_path):
    """Boxes that fit the image are pixels of it; those that fit the stated size alone are scaled from that."""
    dataset.fill(10)
    dataset.sample("bad.jpg", Box("cat", 8, 6, 40, 30), size=(640, 480))
    assert box_of(dataset, tmp_path / "1") == (8, 6, 40, 30)
    dataset.sample("bad.jpg", Box("cat", 80, 60, 400, 300), size=(640, 480))
    assert box_of(dataset, tmp_path / "2") == (8, 6, 40, 30)
    _, found, _ = make(dataset, tmp_path / "3", policies={"size_mismatch": "keep"})
    assert {(f.defect, f.action) for f in found} == {
        ("size_mismatch", "keep"),
        ("box_outside", "drop_box"),
        ("image_emptied", "drop_image"),
    }


@pytest.mark.parametrize(("boxes", "told"), [(1, "its only box is left out"), (2, "none of its 2 boxes is left")])
def test_an_image_that_loses_all_boxes_says_how_many_it_had(dataset, tmp_path, boxes, told):
    dataset.fill(10)
    dataset.sample("bad.jpg", *[Box("cat", 8, 6 + row, 8, 30) for row in range(boxes)])
    found = make(dataset, tmp_path / "out")[1]
    assert [one.detail for one in found if one.defect == "image_emptied"] == [told]


def test_images_that_were_made_smaller(dataset, tmp_path):
    """One box that fits only the stated size tells it of all images that are smaller in the same ratio."""
    dataset.fill(10)
    dataset.sample("bad.jpg", Box("cat", 8, 6, 40, 30), size=(640, 480))
    dataset.sample("large.jpg", Box("cat", 8, 6, 40, 30), size=(64, 48))
    dataset.sample("other.jpg", Box("cat", 120, 80, 130, 95), size=(129, 96))
    assert box_of(dataset, tmp_path / "1") == pytest.approx((0.8, 0.6, 4, 3))
    assert box_of(dataset, tmp_path / "2", policies={"size_mismatch": "keep"}) == (8, 6, 40, 30)
    dataset.sample("other.jpg", Box("cat", 120, 50, 128, 60), size=(129, 70))
    assert box_of(dataset, tmp_path / "3") == (8, 6, 40, 30)


def test_no_size_is_no_defect(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg", CAT, size=(0, 0))
    assert make(dataset, tmp_path / "out")[1] == []


def test_a_negative_is_a_sample(dataset, tmp_path):
    dataset.fill(10)
    dataset.image("bad.jpg")
    dataset.xml("bad.jpg")
    made, found, left = make(dataset, tmp_path / "out")
    assert found == [] and left["bad.jpg"].boxes == ()
    assert made.counts["train"]["negatives"] + made.counts["eval"]["negatives"] == 1


def label_map(folder, *names):
    path = folder / "given.pbtxt"
    path.write_text("".join(f'item {{ id: {i} name: "{name}" }}\n' for i, name in enumerate(names, start=1)))
    return str(path)


def test_an_unknown_class_stops_with_the_nearest_name(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("bad.jpg", CAT, Box("dgo", 8, 6, 40, 30), Box("zebra", 1, 1, 9, 9))
    given = label_map(tmp_path, "cat", "dog")
    with pytest.raises(UserError) as error:
        make(dataset, tmp_path / "out", label_map=given)
    text = str(error.value)
    rule = '`dataset.classes.rename: {"dgo": "dog"}` renames it in all images'
    assert f"bad.xml, box 2: dgo [8, 6, 40, 30]: class_unknown, did you mean 'dog'? {rule}" in text
    assert "bad.xml, box 3: zebra [1, 1, 9, 9]: class_unknown, the label map has cat, dog" in text
    _, found, left = make(dataset, tmp_path / "out", label_map=given, policies={"class_unknown": "drop_box"})
    assert [f.action for f in found] == ["drop_box", "drop_box"] and left["bad.jpg"].boxes == (CAT,)
    left = make(dataset, tmp_path / "out", label_map=given, policies={"class_unknown": "drop_image"})[2]
    assert "bad.jpg" not in left and len(left) == 10


def test_an_annotation_that_may_belong_to_several_images_stops(dataset, tmp_path):
    dataset.fill(10)
    ambiguous(dataset)
    with pytest.raises(UserError, match=r"bad\.xml: annotation_ambiguous, it may belong to one/bad\.jpg, two/bad\.jpg"):
        make(dataset, tmp_path / "out")
    left = make(dataset, tmp_path / "out", policies={"annotation_ambiguous": "drop_image"})[2]
    assert len(left) == 10


def test_what_stops_for_an_ambiguous_annotation_names_parallel_folders_first(dataset, tmp_path):
    dataset.fill(10)
    ambiguous(dataset)
    with pytest.raises(UserError) as error:
        make(dataset, tmp_path / "out")
    advice = str(error.value).partition("annotation_ambiguous: ")[2]
    assert advice.startswith("list the folders that go together in the same order, `images: [a/images, b/images]`")


def renamed(dataset, count, of):
    """`of` samples, of which the annotations of the first `count` state the name of the next image."""
    for index in range(of):
        filename = f"r{(index + 1) % of:03d}.jpg" if index < count else ""
        dataset.sample(f"r{index:03d}.jpg", Box("cat", index % 20, 6, 40, 30), filename=filename)


@pytest.mark.parametrize(
    ("count", "of", "stops"), [(2, 10, False), (3, 10, True), (10, 10, True), (3, 150, False), (4, 150, True)]
)
def test_files_renamed_together_stop_where_they_are_many(dataset, tmp_path, count, of, stops):
    renamed(dataset, count, of)
    out = tmp_path / "out"
    if stops:
        with pytest.raises(UserError) as error:
            make(dataset, out)
        text = str(error.value)
        assert "r000.xml: annotation_names_another, its file name is that of r000.jpg, but it states r001.jpg" in text
        assert f"annotation_names_another: {count} of {of} annotations; look at these images" in text
        assert "or set `dataset.policies.annotation_names_another` to keep | drop_image" in text
    else:
        with pytest.raises(UserError, match=f"{count} of {of} annotations"):
            make(dataset, out, policies={"annotation_names_another": "fail"})
    made, found, left = make(dataset, out, policies={"annotation_names_another": "keep"})
    assert f"{count} annotation_names_another kept" in made.summary
    assert [f.defect for f in found] == ["annotation_names_another"] * count
    assert all(left[f"r{index:03d}.jpg"].boxes[0].xmin == index % 20 for index in range(of))


def test_images_of_contradicting_annotations_can_be_left_out(dataset, tmp_path):
    renamed(dataset, 5, 12)
    left = make(dataset, tmp_path / "out", policies={"annotation_names_another": "drop_image"})[2]
    assert sorted(left) == [f"r{index:03d}.jpg" for index in range(5, 12)]


def test_a_second_annotation_goes_to_no_other_image(dataset, tmp_path):
    dataset.fill(10)
    dataset.image("train/w3.png", factories.encode(factories.pixels(1), "PNG"))
    dataset.image("train/w3.jpg", factories.photo(2, 32, 24))
    for side, xmin in (("train", 8), ("test", 9)):
        (dataset.annotations / side).mkdir()
        dataset.xml(f"{side}/w3.jpg", Box("cat", xmin, 6, 60, 40), filename="w3.png")
    _, found, left = make(dataset, tmp_path / "out")
    assert left["train/w3.png"].boxes == (Box("cat", 8, 6, 60, 40),) and "train/w3.jpg" not in left
    assert sorted((f.file, f.defect) for f in found) == [
        ("test/w3.xml", "annotation_twice"),
        ("train/w3.jpg", "image_without_annotation"),
        ("train/w3.png", "same_name"),
    ]


@pytest.mark.parametrize("how", ["size", "folder", "copies"])
def test_what_settles_images_of_one_name(dataset, tmp_path, how):
    dataset.fill(10)
    for number, place in enumerate(("all", "round")):
        width = 64 + 8 * number if how == "size" else 64
        dataset.image(f"{place}/7.jpg", factories.photo(0 if how == "copies" else number, width))
    path = dataset.xml("7.jpg", CAT, size=(72 if how == "size" else 64, 48))
    if how == "folder":
        path.write_text(path.read_text().replace("<path>", r"<path>C:\round" + "\\"))
    _, found, left = make(dataset, tmp_path / "out")
    (name,) = [name for name in left if name.endswith("/7.jpg")]
    assert name == ("all/7.jpg" if how == "copies" else "round/7.jpg") and left[name].boxes == (CAT,)
    assert [f.defect for f in found if f.defect.startswith(("annotation", "size"))] == []


def test_a_file_that_cannot_be_read_is_reported_once(dataset, tmp_path):
    dataset.fill(10)
    (dataset.annotations / "all.xml").write_text(CVAT)
    (dataset.annotations / "broken.xml").write_text("<annotation>")
    (dataset.annotations / "pointer.xml").write_bytes(POINTER)
    made, found, _ = make(dataset, tmp_path / "out")
    assert [(f.file, f.defect) for f in found] == [
        ("all.xml", "annotation_foreign"),
        ("broken.xml", "annotation_malformed"),
        ("pointer.xml", "annotation_not_fetched"),
    ]
    assert "its root is <annotations>, not <annotation>; it seems to be CVAT (`cvat`)" in found[0].detail
    assert "git lfs pull" in found[2].detail and "git lfs pull" in made.summary
    assert make(dataset, tmp_path / "out")[1] == found  # from memory, too
    dataset.sample("s00.jpg")
    assert make(dataset, tmp_path / "out")[1] == found


def test_the_reasons_are_told_and_written_where_no_sample_is_left(dataset, tmp_path):
    for number in range(5):
        dataset.sample(f"{number}.jpg", data=POINTER)
    with pytest.raises(UserError) as error:
        make(dataset, tmp_path / "out")
    text = str(error.value)
    assert "No sample is left of 5 images" in text
    assert "0.jpg, 1.jpg, 2.jpg and 2 more: it is a Git LFS pointer" in text and "git lfs pull" in text
    assert text.endswith(f"\nThe table of all defects is {tmp_path / 'out/checks.tsv'}.")
    for table in (tmp_path / "out/checks.tsv", tmp_path / "out/plan/checks.tsv"):
        assert [f.defect for f in findings(table)] == ["image_not_fetched"] * 5
    assert not (tmp_path / "out/plan/plan.json").exists()
    for number in range(5):
        dataset.sample(f"{number}.jpg")
    make(dataset, tmp_path / "out")
    assert not (tmp_path / "out/checks.tsv").exists() and findings(tmp_path / "out/plan/checks.tsv") == []


def test_annotations_of_other_formats_beside_the_images_are_named_once(dataset, tmp_path, monkeypatch):
    from boxwright.dataset import foreign

    monkeypatch.setattr(foreign, "guess", lambda data, name="": "Marks (text)" if data.startswith(b"#marks") else "")
    for number in range(4):
        dataset.image(f"{number}.jpg")
        (dataset.annotations / f"{number}.txt").write_text("#marks\n")
    (dataset.annotations / "note.txt").write_text("a note")
    with pytest.raises(UserError) as error:
        make(dataset, tmp_path / "out")
    found = [f for f in findings(tmp_path / "out/checks.tsv") if f.defect == "annotation_foreign"]
    assert [(f.file, f.detail) for f in found] == [
        ("0.txt", "it seems to be Marks (text), and so do 3 other files (1.txt, 2.txt and 1 more)"),
    ]
    assert "0.txt: it seems to be Marks" in str(error.value) and "docs/formats.md" in str(error.value)


def test_other_files_are_not_looked_at_where_every_image_has_its_annotation(dataset, tmp_path, monkeypatch):
    from boxwright.dataset import foreign

    dataset.fill(10)
    (dataset.annotations / "all.json").write_text('{"info": {}, "images": [], "annotations": []}')
    monkeypatch.setattr(foreign, "look", lambda *_: pytest.fail("looked at"))
    assert make(dataset, tmp_path / "out")[1] == []


def test_the_same_image_on_both_lists_stops(dataset, tmp_path):
    dataset.fill(10)
    copy(Box("cat", 1, 2, 30, 40))(dataset)
    train, held = tmp_path / "train.txt", tmp_path / "eval.txt"
    train.write_text("".join(f"s{i:02d}\n" for i in range(8)))
    held.write_text("t\ns09\n")
    split = {"eval_fraction": 0.2, "seed": 0, "train": str(train), "eval": str(held)}
    with pytest.raises(UserError, match=r"s00\.jpg: duplicate_across_split, the evaluation image t\.jpg"):
        make(dataset, tmp_path / "out", split=split)
    made, _, left = make(dataset, tmp_path / "out", split=split, policies={"duplicate_across_split": "drop_image"})
    assert "s00.jpg" not in left and made.counts["train"]["images"] == 7 and made.counts["on_neither_list"] == 1
    assert "s00.jpg" in make(dataset, tmp_path / "out", split=split, policies={"duplicate_across_split": "keep"})[2]


def test_all_that_fails_is_told_at_once(dataset, tmp_path):
    dataset.fill(10)
    for index in range(0, 60, 2):
        dataset.sample(f"bad{index:02d}.jpg", CAT, Box("cat", 8, 6, 8, 30))
    dataset.sample("worse.jpg", data=b"")
    with pytest.raises(UserError) as error:
        make(dataset, tmp_path / "out", policies={"box_zero_area": "fail", "image_truncated": "fail"})
    text = str(error.value)
    places = "bad00.xml (box 2), bad02.xml (box 2), bad04.xml (box 2) and 27 more, cat: box_zero_area"
    assert "31 defects" in text and places in text
    assert "box_zero_area: draw the box again; or set `dataset.policies.box_zero_area` to drop_box | drop_image" in text
    assert "image_truncated: copy or download the file again" in text
    assert len(findings(tmp_path / "out" / "checks.tsv")) == 31


def test_after_a_failure_the_rule_writes_its_own_table(dataset, tmp_path):
    """The table of a failed plan must not be taken for the finished result of the rule."""
    dataset.fill(10)
    dataset.sample("bad.jpg", data=b"")
    with pytest.raises(UserError):
        make(dataset, tmp_path / "out", policies={"image_truncated": "fail"})
    assert (tmp_path / "out" / "checks.tsv").exists()
    make(dataset, tmp_path / "out")
    assert not (tmp_path / "out" / "checks.tsv").exists()


def test_policies_are_checked():
    assert policies({"box_inverted": "fix"})["box_inverted"] == "fix"
    assert policies({})["class_unknown"] == "fail"
    with pytest.raises(UserError) as error:
        policies({"box_zero_aera": "fail", "image_unreadable": "fix", "exif_rotation": "ignore"})
    text = str(error.value)
    assert "`dataset.policies.box_zero_aera` is not a defect; did you mean `box_zero_area`?" in text
    assert "`dataset.policies.image_unreadable` is fix; allowed: drop_image | fail" in text
    assert "`dataset.policies.exif_rotation` is ignore; allowed: fix | drop_image | fail" in text


def test_the_former_names_of_defects_are_accepted():
    former = {
        "image_without_xml": "keep",
        "xml_without_image": "fail",
        "xml_malformed": "fail",
        "xml_ambiguous": "drop_image",
        "xml_twice": "drop_image",
    }
    assert list(former) == list(ALIASES) and set(ALIASES.values()) < set(DEFECTS)
    now = {ALIASES[name]: policy for name, policy in former.items()}
    assert policies(former) == policies(now) == policies(former | now)
    with pytest.raises(UserError) as error:
        policies({"xml_twice": "fail", "annotation_twice": "fix", "xml_malformed": "keep"})
    text = str(error.value)
    former = "`dataset.policies.xml_twice` is the former name of `annotation_twice`, and their policies differ"
    assert f"{former} (fail and fix); keep only `annotation_twice`." in text
    assert "`dataset.policies.xml_malformed` is keep; allowed: drop_image | fail" in text


def test_full_verification_finds_what_headers_hide(dataset, tmp_path):
    dataset.fill(10)
    good = factories.encode(factories.pixels(), "PNG")
    start = good.index(b"IDAT")
    length = struct.unpack(">I", good[start - 4 : start])[0]
    body = b"IDAT" + bytes(length)
    bad = good[:start] + body + struct.pack(">I", factories.zlib.crc32(body)) + good[start + 4 + length + 4 :]
    dataset.sample("bad.png", data=bad)
    assert "bad.png" in make(dataset, tmp_path / "out")[2]
    _, found, left = make(dataset, tmp_path / "out", verify="full")
    assert "bad.png" not in left and [(f.file, f.defect) for f in found] == [("bad.png", "image_unreadable")]
    assert "bad.png" in make(dataset, tmp_path / "out")[2]  # the same settings give the same, whatever was seen


def test_tables_stand_names_with_tabs(dataset, tmp_path):
    dataset.fill(10)
    dataset.image("odd\tname\n.jpg")
    dataset.sample('"quoted" é.jpg')
    make(dataset, tmp_path / "out")
    assert '"quoted" é.jpg' in make(dataset, tmp_path / "out")[2]
    rows = (tmp_path / "out/plan/split.tsv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 12 and all(row.count("\t") == 2 for row in rows)
