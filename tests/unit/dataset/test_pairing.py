"""Which annotation belongs to which image."""

import pytest

from boxwright.dataset import pairing
from boxwright.dataset.image_facts import ImageFacts
from boxwright.dataset.pairing import Claim
from boxwright.dataset.scan import File
from boxwright.images.headers import ImageInfo


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
        ("a .jpg", "a .xml", ""),
        ("a .jpg", "a .xml", "a .jpg"),
        ("a .jpg", "x.xml", "a .jpg"),
        ("a.jpg", "a .xml", ""),
        ("a .jpg", "a.jpg.xml", ""),
        (" a.jpg", " a.xml", "a.jpg"),
        ("a.jpg", "other.xml", "a.photo"),
        ("a.jpg", "other.json", "/data/upload/1/9f8e7d00-a.jpg"),
        ("9f8e7d00-a.jpg", "other.json", "/data/upload/1/9f8e7d00-a.jpg"),
        ("a.jpg", "9f8e7d00-a.txt", ""),
        ("a b.jpg", "other.json", "https://host/x/a%20b.jpg?size=9"),
        ("a b.jpg", "other.json", "/data/local-files/?d=x%2Fa%2520b.jpg"),
        ("a%20b.jpg", "other.json", "file:/x/a%2520b.jpg"),
        ("a%20b.jpg", "other.json", "a%20b.jpg"),
        ("a b.jpg", "a%20b.xml", "other.jpg"),
    ],
)
def test_a_pair(picture, annotation, stated):
    found = match([image("zzz.jpg"), image(picture)], [xml(annotation)], [stated])
    assert found.claim == [None, 0]
    assert not found.orphans and not found.ambiguous and not found.twice


def test_the_own_name_goes_before_the_stated_one():
    found = match([image("a.jpg"), image("b.jpg")], [xml("b.xml")], ["a.jpg"])
    assert found.claim == [None, 0] and found.another == {0: [0]} and not found.stale
    found = match([image("a.jpg"), image("b.jpg")], [xml("b.xml")], ["gone.jpg"])
    assert found.claim == [None, 0] and found.stale == [0] and not found.another
    for stated in ("", "b.jpg", "b.png", "B", r"C:\x\b.jpg"):
        found = match([image("a.jpg"), image("b.jpg")], [xml("b.xml")], [stated])
        assert found.claim == [None, 0] and not found.another and not found.stale


@pytest.mark.parametrize("shift", [1, 2])
@pytest.mark.parametrize("circle", [False, True])
def test_images_and_annotations_that_were_renamed_together(shift, circle):
    count = 12
    images = [image(f"{k:03d}.jpg") for k in range(count)]
    numbers = [(k + shift) % count if circle else k + shift for k in range(count)]
    found = match(images, [xml(f"{k:03d}.xml") for k in range(count)], [f"{number:03d}.jpg" for number in numbers])
    assert found.claim == list(range(count))
    assert found.another == {k: [number] for k, number in enumerate(numbers) if number < count}
    assert found.stale == [k for k, number in enumerate(numbers) if number >= count]
    assert not found.twice and not found.orphans


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


@pytest.mark.parametrize("stated", ["train/1.jpg", "/home/somebody/train/1.jpg"])
def test_the_same_folder_goes_before_a_path_that_was_stated_elsewhere(stated):
    images = [image(f"{side}/1.jpg", root="data") for side in ("train", "val")]
    found = match(images, [xml("val/1.xml", root="data")], [stated])
    assert found.claim == [None, 0]


def test_lists_of_folders_go_together():
    images = [image("1.jpg", 0, "a/images"), image("1.jpg", 1, "b/images")]
    annotations = [xml("1.xml", 0, "a/xml"), xml("1.xml", 1, "b/xml")]
    assert match(images, annotations).claim == [0, 1]
    images = [image("1.jpg", 0, "images/a"), image("1.jpg", 1, "images/b")]
    annotations = [xml("1.xml", 0, "xml/x"), xml("1.xml", 1, "xml/y")]
    assert match(images, annotations).claim == [0, 1]
    assert set(match(images, annotations, parallel=False).ambiguous) == {0, 1}


@pytest.mark.parametrize(
    ("of_images", "of_files"),
    [
        ("{}/images", "{}/annotations"),
        ("images/{}", "annotations/{}"),
        ("JPEGImages/{}", "Annotations/{}"),
        ("{}/imgs", "{}/json"),
        ("pictures/{}/rgb", "{}"),
        ("rgb/{}", "{}/xml"),
        ("{}/rgb", "boxes/{}"),
    ],
)
@pytest.mark.parametrize(
    ("sides", "words"), [(("train", "valid"),) * 2, (("train", "val"), ("training", "validation"))]
)
def test_the_side_in_the_folders_decides_between_namesakes(of_images, of_files, sides, words):
    images = [image("1.jpg", root=f"d/{of_images.format(side)}") for side in sides]
    files = [xml("1.xml", root=f"d/{of_files.format(word)}") for word in words]
    assert match(images, files, parallel=False).claim == [0, 1]
    assert match(images, files[::-1], ["1.jpg", "1.jpg"], parallel=False).claim == [1, 0]


def test_the_name_of_an_image_tells_no_side():
    images = [image("train_1.jpg", root=f"d/images/{side}") for side in ("train", "val")]
    assert match(images, [xml("train_1.xml", root="d/xml/val")], parallel=False).claim == [None, 0]


@pytest.mark.parametrize(
    ("of_images", "of_files"),
    [("images/{}", "annotations/{}"), ("{}/images", "{}/annotations"), ("{}/a/images", "{}/b")],
)
def test_the_last_folder_or_the_nearest_one_decides_between_namesakes(of_images, of_files):
    images = [image("1.jpg", root=f"d/{of_images.format(place)}") for place in ("s1", "s2")]
    files = [xml("1.xml", root=f"d/{of_files.format(place)}") for place in ("s2", "s1")]
    assert match(images, files, parallel=False).claim == [1, 0]


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    ("file", "stated"),
    [
        ("d/json/a.json", "../images/s2/1.jpg"),
        ("d/json/a.json", r"..\images\s2\1.jpg"),
        ("d/images/s2/x/a.json", "./../1.jpg"),
        ("d/json/a.json", "../../moved/s2/1.jpg"),
    ],
)
def test_a_stated_path_may_be_relative_to_the_annotation(file, stated, alone):
    images = [image("1.jpg", root=f"d/images/{place}") for place in ("s1", "s2")]
    found = pairing.match(images, [Claim(File(0, "a.json", file), stated, alone)], False)
    assert found.claim == [None, 0]


def test_namesakes_that_nothing_tells_apart():
    found = match([image("cam1/1.jpg"), image("cam2/1.jpg")], [xml("1.xml")], ["1.jpg"])
    assert found.claim == [None, None]
    assert found.ambiguous == {0: [0, 1]}


def test_a_copied_annotation_goes_to_its_own_name():
    """b.xml is a copy of a.xml in which the image's name was not changed."""
    found = match([image("a.jpg"), image("b.jpg")], [xml("a.xml"), xml("b.xml")], ["a.jpg", "a.jpg"])
    assert found.claim == [0, 1]
    assert found.another == {1: [0]} and not found.twice and not found.unsettled
    found = match([image("a.jpg"), image("b.jpg")], [xml("0.xml"), xml("a.xml")], ["a.jpg", "a.jpg"])
    assert found.claim == [1, None] and found.twice == {0: 0}


def test_the_second_annotation_of_an_image_never_goes_to_another_one():
    images = [image("train/w3.jpg"), image("train/w3.png")]
    found = match(images, [xml("test/w3.xml"), xml("train/w3.xml")], ["w3.png", "w3.png"])
    assert found.claim == [None, 1] and found.twice == {0: 1} and not found.unsettled
    found = match(images, [xml("w3.xml"), xml("x.xml")], ["w3.png", "w3.png"])
    assert found.claim == [None, 0] and found.twice == {1: 1}


def facts(*looks):
    """Facts of images, given as (sha256, width, height, orientation)."""
    return [
        ImageFacts(sha, ImageInfo("jpeg", width, height, orientation=turn), None) for sha, width, height, turn in looks
    ]


NAMESAKES = [image("all/7.jpg"), image("round/7.jpg"), image("third/7.jpg")]
ANY = facts(("a", 30, 20, 1), ("b", 24, 18, 1), ("c", 30, 20, 6))


@pytest.mark.parametrize(
    ("size", "folders", "chosen", "against"),
    [
        ((24, 18), (), 1, []),
        ((20, 30), (), 2, []),
        ((30, 20), (), None, []),
        ((99, 9), (), None, []),
        ((0, 0), (), None, []),
        ((0, 0), ("work/ROUND",), 1, []),
        ((0, 0), ("elsewhere", "round"), 1, []),
        ((0, 0), ("images",), None, []),
        ((30, 20), ("third",), 2, []),
        ((30, 20), ("round",), None, []),
        ((24, 18), ("third",), 1, [("folders", [2])]),
    ],
)
def test_size_and_stated_folder_decide_between_namesakes(size, folders, chosen, against):
    claim = Claim(xml("labels/7.xml"), "7.jpg", size=size, folders=folders)
    found = pairing.match(NAMESAKES, [claim], True, ANY)
    assert found.claim == [0 if index == chosen else None for index in range(3)]
    assert bool(found.ambiguous) == (chosen is None)
    assert [(one.source, one.images) for one in found.contradictions] == against


def test_the_place_goes_before_size_and_stated_folder_and_what_contradicts_it_is_remembered():
    claim = Claim(xml("all/7.xml"), "7.jpg", size=(24, 18), folders=("x/third",))
    found = pairing.match(NAMESAKES, [claim], True, ANY)
    assert found.claim == [0, None, None]
    assert found.contradictions == [(0, "size", [1]), (0, "folders", [2])]


def test_the_stated_extension_goes_before_the_place_and_that_is_remembered():
    images = [image("x/a.jpg"), image("y/a.png")]
    found = match(images, [xml("y/a.xml")], ["a.jpg"])
    assert found.claim == [0, None] and found.contradictions == [(0, "place", [1])]


def test_of_copies_the_first_that_is_free_gets_the_annotation():
    same = facts(*[("a", 30, 20, 1)] * 3)
    found = pairing.match(NAMESAKES, [Claim(xml("7.xml"), "7.jpg")], True, same)
    assert found.claim == [0, None, None] and not found.ambiguous
    found = pairing.match(NAMESAKES, [Claim(xml("7.xml"), "7.jpg"), Claim(xml("all/7.xml"), "7.jpg")], True, same)
    assert found.claim == [1, 0, None] and not found.twice
    other = facts(("a", 30, 20, 1), ("a", 30, 20, 1), ("b", 30, 20, 1))
    assert pairing.match(NAMESAKES, [Claim(xml("7.xml"), "7.jpg")], True, other).ambiguous == {0: [0, 1, 2]}
    unread = facts(*[("", 0, 0, 1)] * 3)
    assert pairing.match(NAMESAKES, [Claim(xml("7.xml"), "7.jpg")], True, unread).ambiguous == {0: [0, 1, 2]}


def test_one_kind_of_evidence_goes_on_where_the_one_before_stopped():
    images = [image("a/1.jpg"), image("a/1.png"), image("b/1.jpg")]
    assert match(images, [xml("a/1.xml")], ["1.jpg"]).claim == [0, None, None]


def test_parallel_lists_decide_where_subfolders_differ():
    images = [image("x/1.jpg", 0, "a/images"), image("1.jpg", 1, "b/images")]
    annotations = [xml("1.xml", 0, "a/xml"), xml("y/1.xml", 1, "b/xml")]
    assert match(images, annotations).claim == [0, 1]


def test_a_second_name_helps_and_is_held_against_the_others():
    images = [image("a.jpg"), image("b.jpg")]
    found = pairing.match(images, [Claim(xml("x.xml"), "gone.jpg", other_image="b.jpg")], True)
    assert found.claim == [None, 0] and found.stale == [0]
    found = pairing.match(images, [Claim(xml("a.xml"), "a.jpg", other_image="b.jpg")], True)
    assert found.claim == [0, None] and found.contradictions == [(0, "path", [1])]
    found = pairing.match(images, [Claim(xml("a.xml"), "a.jpg", other_image="gone.jpg")], True)
    assert found.claim == [0, None] and not found.contradictions


def test_an_image_s_extension_in_the_annotation_s_own_name():
    found = match([image("a.jpg"), image("b.jpg")], [xml("a.jpg.xml")], ["b.jpg"])
    assert found.claim == [0, None] and found.another == {0: [1]}


def test_two_annotations_that_nothing_tells_apart():
    found = match([image("a.jpg")], [xml("x.xml"), xml("y.xml")], ["a.jpg", "a.jpg"])
    assert found.unsettled == {0} and found.twice == {1: 0}


def test_the_name_of_a_file_that_speaks_of_several_images_names_none():
    images, file = [image("all.jpg"), image("a.jpg"), image("b/c.jpg")], xml("all.json")
    claims = [Claim(file, stated, alone=False) for stated in ("a.jpg", "gone.jpg", "b/c.jpg", "")]
    found = pairing.match(images, claims, parallel=True)
    assert found.claim == [None, 0, 2] and found.orphans == [1, 3]
    assert claims[0].label == "all.json (a.jpg)" and Claim(file, "a.jpg").label == "all.json"


def test_a_name_that_label_studio_keeps_in_another_form():
    images = [image("a b (1).jpg"), image("zzz.jpg")]
    for stated in ("0a1b2c3d-a_b_1.jpg", "images/9f8e7d00__0a1b2c3d-a_b_1.jpg"):
        assert match(images, [xml("x.json")], [stated]).claim == [0, None]
    assert match(images, [xml("x.json")], ["a_b_1.jpg"]).orphans == [0]
    assert match([*images, image("a_b_1.jpg")], [xml("x.json")], ["0a1b2c3d-a_b_1.jpg"]).claim == [None, None, 0]
    assert match([*images, image("a b 1.jpg")], [xml("x.json")], ["0a1b2c3d-a_b_1.jpg"]).orphans == [0]


LABELS = (("labels", "images"),)


@pytest.mark.parametrize(
    ("place", "others", "found"),
    [
        ("val/2.jpg", ["train/1.jpg"], False),
        ("train/2.jpg", ["train/1.jpg"], True),
        ("train/deeper/2.jpg", ["train/1.jpg"], True),
        ("val/2.jpg", ["val/1.jpg"], True),
    ],
)
def test_an_image_in_another_folder_than_the_one_that_goes_with_the_annotation_s(place, others, found):
    images = [image(one, root="d/images") for one in (*others, place)]
    paired = pairing.match(images, [Claim(File(0, "labels/train/2.txt", "d/labels/train/2.txt"), places=LABELS)], False)
    assert (paired.claim == [None, 0]) == found
    assert (paired.orphans, paired.elsewhere) == (([], {}) if found else ([0], {0: [1]}))


def test_an_image_that_lies_with_other_annotations_is_told():
    images = [image(one, root="d") for one in ("s1/img/1.jpg", "s2/img/2.jpg")]
    claims = [
        Claim(File(0, "", f"d/{place}/x.json"), stated, alone=False) for place, stated in (("s1", "2"), ("s2", "3"))
    ]
    assert pairing.match(images, claims, False).contradictions == [(0, "far", [1])]
    assert pairing.match(images, claims[:1], False).contradictions == []
    assert pairing.match(images[1:], claims, False).contradictions == []


def test_the_nearest_image_is_that_of_a_file_about_many():
    images = [image("1.jpg", root=f"d/{place}/images") for place in ("s1", "s2")]
    claims = [Claim(File(0, "", f"d/{place}/x.json"), "1.jpg", alone=False) for place in ("s2", "s1")]
    assert pairing.match(images, claims, False).claim == [1, 0]
    claims = [Claim(File(0, "", "d/x.json"), "1.jpg", alone=False)]
    assert pairing.match(images, claims, False).ambiguous == {0: [0, 1]}


def test_a_file_that_states_the_path_of_the_other_image_means_this_one():
    images = [image("1.jpg"), image("cats/1.jpg")]
    claims = [Claim(xml("x.json"), stated, alone=False) for stated in ("1.jpg", "cats/1.jpg")]
    assert pairing.match(images, claims, False).claim == [0, 1]


def test_names_are_unique_and_stable():
    images = [image("1.jpg", 0), image("x/2.jpg", 0), image("1.jpg", 1), image("x/2.jpg", 2)]
    names = pairing.names(images, ["/data/a/images", "/data/b/images", "/data/c"])
    assert names == ["1.jpg", "x/2.jpg", "images/1.jpg", "c/x/2.jpg"]
    three = [image("1.jpg", 0), image("1.jpg", 1), image("1.jpg", 2)]
    assert pairing.names(three, ["a/images", "b/images", "c/images"]) == ["1.jpg", "images/1.jpg", "c/images/1.jpg"]
    assert len(set(pairing.names(three, ["a", "a", "a"]))) == 3
