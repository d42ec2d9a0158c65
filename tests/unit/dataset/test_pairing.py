"""Which annotation belongs to which image."""

import pytest

from boxwright.dataset import pairing
from boxwright.dataset.pairing import Claim
from boxwright.dataset.scan import File


def image(relative, folder=0, root="images"):
    return File(folder, relative, f"{root}/{relative}")


def xml(relative, folder=0, root="annotations"):
    return File(folder, relative, f"{root}/{relative}")


def match(images, annotations, stated=None, parallel=True):
    """Pair images with annotations that make one statement each."""
    stated = stated or [""] * len(annotations)
    return pairing.match(images, [Claim(*one) for one in zip(annotations, stated, strict=True)], parallel)


@pytest.mark.parametrize(
    ("picture", "annotation", "stated"),
    [
        ("a.jpg", "other.xml", "a.jpg"),
        ("a.jpg", "other.xml", "a"),
        ("a.JPG", "other.xml", "A.jpeg"),
        ("a.png", "other.xml", "a.jpg"),
        ("a.v2.jpg", "other.xml", "a.v2"),
        ("a.v2.jpg", "other.xml", "a.v2.jpg"),
        ("a.jpg", "other.xml", "/home/somebody/a.jpg"),
        ("a.jpg", "other.xml", r"C:\Users\somebody\a.jpg"),
        ("a.jpg", "a.xml", "renamed.jpg"),
        ("a.jpg", "A.XML", ""),
        ("deep/er/a.jpg", "a.xml", "a.jpg"),
        ("a.jpg", "some/where/a.xml", "a.jpg"),
        ("caf\u00e9.jpg", "x.xml", "cafe\u0301.jpg"),
        ("a.jpg", "other.xml", "a.photo"),
    ],
)
def test_a_pair(picture, annotation, stated):
    found = match([image("zzz.jpg"), image(picture)], [xml(annotation)], [stated])
    assert found.claim == [None, 0]
    assert not found.orphans and not found.ambiguous and not found.twice


def test_the_stated_name_goes_before_the_own_one():
    assert match([image("a.jpg"), image("b.jpg")], [xml("b.xml")], ["a.jpg"]).claim == [0, None]


def test_an_annotation_without_image():
    assert match([image("a.jpg")], [xml("b.xml")], ["c.jpg"]).orphans == [0]


def test_the_stated_extension_decides_between_formats():
    found = match([image("a.jpg"), image("a.png")], [xml("x.xml"), xml("y.xml")], ["a.png", "a.jpg"])
    assert found.claim == [1, 0]
    assert found.namesakes == {1: 0}


def test_folders_decide_between_namesakes():
    images = [image("cam1/1.jpg"), image("cam2/1.jpg")]
    found = match(images, [xml("cam1/1.xml"), xml("cam2/1.xml")], ["1.jpg", "1.jpg"])
    assert found.claim == [0, 1]
    found = match(images, [xml("cam2/1.xml")], ["1.jpg"])
    assert found.claim == [None, 0]


def test_a_stated_path_decides_between_namesakes():
    found = match([image("cam1/1.jpg"), image("cam2/1.jpg")], [xml("x.xml")], [r"cam2\1.jpg"])
    assert found.claim == [None, 0]


def test_the_same_folder_decides_between_namesakes():
    images = [image("a/1.jpg", root="data"), image("b/1.jpg", root="data")]
    assert match(images, [xml("b/1.xml", root="data"), xml("a/1.xml", root="data")]).claim == [1, 0]


def test_lists_of_folders_go_together():
    images = [image("1.jpg", 0, "a/images"), image("1.jpg", 1, "b/images")]
    annotations = [xml("1.xml", 0, "a/xml"), xml("1.xml", 1, "b/xml")]
    assert match(images, annotations).claim == [0, 1]
    assert set(match(images, annotations, parallel=False).ambiguous) == {0, 1}


def test_namesakes_that_nothing_tells_apart():
    found = match([image("cam1/1.jpg"), image("cam2/1.jpg")], [xml("1.xml")], ["1.jpg"])
    assert found.claim == [None, None]
    assert found.ambiguous == {0: [0, 1]}


def test_a_copied_annotation_goes_to_its_own_name():
    """b.xml is a copy of a.xml in which the image's name was not changed."""
    found = match([image("a.jpg"), image("b.jpg")], [xml("a.xml"), xml("b.xml")], ["a.jpg", "a.jpg"])
    assert found.claim == [0, 1]
    assert found.twice == {1: 0} and not found.unsettled
    found = match([image("a.jpg"), image("b.jpg")], [xml("0.xml"), xml("a.xml")], ["a.jpg", "a.jpg"])
    assert found.claim == [1, None] and found.twice == {0: 0}


def test_two_annotations_that_nothing_tells_apart():
    found = match([image("a.jpg")], [xml("x.xml"), xml("y.xml")], ["a.jpg", "a.jpg"])
    assert found.unsettled == {0} and found.twice == {1: 0}


def test_the_name_of_a_file_that_speaks_of_several_images_names_none():
    images, file = [image("all.jpg"), image("a.jpg"), image("b/c.jpg")], xml("all.json")
    claims = [Claim(file, stated, alone=False) for stated in ("a.jpg", "gone.jpg", "b/c.jpg", "")]
    found = pairing.match(images, claims, parallel=True)
    assert found.claim == [None, 0, 2] and found.orphans == [1, 3]
    assert claims[0].label == "all.json (a.jpg)" and Claim(file, "a.jpg").label == "all.json"


def test_names_are_unique_and_stable():
    images = [image("1.jpg", 0), image("x/2.jpg", 0), image("1.jpg", 1), image("x/2.jpg", 2)]
    names = pairing.names(images, ["/data/a/images", "/data/b/images", "/data/c"])
    assert names == ["1.jpg", "x/2.jpg", "images/1.jpg", "c/x/2.jpg"]
    three = [image("1.jpg", 0), image("1.jpg", 1), image("1.jpg", 2)]
    assert pairing.names(three, ["a/images", "b/images", "c/images"]) == ["1.jpg", "images/1.jpg", "c/images/1.jpg"]
    assert len(set(pairing.names(three, ["a", "a", "a"]))) == 3
