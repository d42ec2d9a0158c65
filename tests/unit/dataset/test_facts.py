"""What one file says, as the line that is kept of it."""

import math
from itertools import product

import pytest
from tests import factories

from boxwright.dataset import annotation_facts, image_facts, reading
from boxwright.dataset.checks import Checker
from boxwright.dataset.defects import policies
from boxwright.dataset.formats import voc
from boxwright.dataset.samples import Box, boxes_json
from boxwright.dataset.statements import NORMALISED, PIXELS, Remark, Statement
from boxwright.images.headers import ImageInfo

IMAGE = image_facts.ImageFacts("sha", ImageInfo("jpeg", 64, 48), None)
EDGES = (math.nan, -math.inf, -0.5, 0.0, 0.5, 1.0, 1.5)


def said(path):
    """The one statement of a VOC annotation, or why there is none."""
    (line,) = reading.inspect([("voc", str(path))])
    key, _, line = line.partition("\t")
    (found,) = annotation_facts.said([line])
    assert key == ("" if isinstance(found, str) else "voc")
    return found if isinstance(found, str) else found[0]


def stated(path, *boxes, size=(64, 48), filename="a.jpg"):
    voc.write(path, filename=filename, width=size[0], height=size[1], boxes=boxes, whole_pixels=False)
    return said(path)


def test_the_checks_find_nothing_wrong_with_just_the_boxes_called_sound(tmp_path):
    corners = [(xmin, 2.0, xmax, 9.0) for xmin, xmax in product((*EDGES, 63.0, 64.0), (*EDGES, 63.5, 64.0, 64.5))]
    corners += [(3.0, ymin, 9.0, ymax) for ymin, ymax in product((*EDGES, 47.0, 48.0), (*EDGES, 47.5, 48.0, 48.5))]
    sound = 0
    for name, corner in product(("cat", ""), corners):
        box = Box(name, *corner)
        found = annotation_facts.AnnotationFacts("a.jpg", 64, 48, PIXELS, False, (name,), annotation_facts._dump([box]))
        checker = Checker(policies({}))
        entry = checker.sample("a.jpg", "a.jpg", IMAGE, found, "a.xml")
        unchanged = not checker.cases and entry.boxes == boxes_json([box])
        assert annotation_facts._is_sound(box, 64, 48, 1) == unchanged, box
        sound += unchanged
    assert 0 < sound < len(corners)


@pytest.mark.parametrize("known", [None, frozenset({"cat"}), frozenset({"cat", "dog"})])
@pytest.mark.parametrize("size", [(64, 48), (48, 64), (128, 96), (0, 0)])
@pytest.mark.parametrize("orientation", [1, 3, 6, 9])
def test_what_is_not_looked_into_comes_out_as_if_it_were(tmp_path, known, size, orientation):
    path = tmp_path / "a.xml"
    boxes = [Box("cat", 1, 2, 30, 40), Box("dog", 0.5, 0, 33.25, 48, False, True, "Left")]
    found = stated(path, *boxes, size=size)
    assert found.sound == (size != (0, 0))
    image = IMAGE._replace(info=IMAGE.info._replace(orientation=orientation))
    short, long = (Checker(policies({"class_unknown": "drop_box"}), known) for _ in range(2))
    entry = short.sample("a.jpg", "images/a.jpg", image, found, "a.xml")
    assert entry == long.sample("a.jpg", "images/a.jpg", image, found._replace(sound=False), "a.xml")
    assert short.cases == long.cases


def test_an_annotation_comes_back_from_its_line(tmp_path):
    path = tmp_path / "a.xml"
    boxes = (Box('a "b"\tc', 1.5, 2, 30, 40), Box("Käfer", 0, 0, 9, 9, pose="Left"))
    found = stated(path, *boxes, filename="é\\ü.jpg")
    assert [found.statement()] == voc.read(path.read_bytes()).statements
    assert found.classes == tuple(box.class_name for box in boxes)
    path.write_text("<annotation><object><name>cat</name></object></annotation>")
    assert not said(path).sound
    assert math.isnan(said(path).statement().boxes[0].xmin)
    path.write_text("<annotation>")
    assert said(path).startswith("it is not well-formed XML")
    assert "cannot be opened" in said(tmp_path / "none.xml")


def test_an_image_comes_back_from_its_line(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(factories.photo(1))
    whole, decoded = image_facts.said(reading.inspect([(reading.IMAGE, str(path)), (reading.DECODED, str(path))]))
    assert (whole.undecodable, decoded.undecodable) == (None, "")
    assert whole.info == decoded.info and whole.info.format == "jpeg" and not whole.info.problem
    path.unlink()
    assert "cannot be opened" in image_facts.said(reading.inspect([(reading.IMAGE, str(path))]))[0].info.problem


def test_a_file_may_say_nothing_or_much():
    statements = [Statement("a.jpg", 64, 48, (Box("cat", 1, 2, 30, 40),)), Statement("b\t.jpg", unit=NORMALISED)]
    for number in range(3):
        (found,) = annotation_facts.said([annotation_facts.columns(statements[:number])])
        assert [one.statement() for one in found] == statements[:number]
        assert [one.sound for one in found] == [True, True][:number]
        assert found.remarks == ()


def test_all_that_a_file_says_comes_back():
    crowd = Box("cat", 1, 2, 30, 40, flags="crowd occluded")
    statements = [
        Statement("a.jpg", 64, 48, (crowd,), split="train", places=("line 1",)),
        Statement("b.jpg", 64, 48, (crowd._replace(flags=""),), places=("line 2",)),
        Statement("c.jpg", mention=True, split="val"),
        Statement("d.jpg", 64, 48, (crowd._replace(shape="polygon", flags=""),)),
    ]
    remarks = [Remark("annotation_odd", "it is odd"), Remark("class_number", "class 0 has no name", "0", 3)]
    for number in range(5):
        (found,) = annotation_facts.said([annotation_facts.columns(statements[:number], remarks)])
        assert [one.statement() for one in found] == statements[:number]
        assert found.remarks == tuple(remarks)
