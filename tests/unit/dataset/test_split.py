"""The split: stratified, seeded, stable, and by lists."""

from collections import Counter
from fnmatch import fnmatchcase

import numpy as np
import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box, Sample
from boxwright.dataset.split import EVAL, TRAIN, draw, from_lists


def sample(name, *classes, sha256=None):
    boxes = tuple(Box(name, 0, 0, 9, 9) for name in classes)
    return Sample(name, f"images/{name}", sha256 or f"sha of {name}", 10, 10, "jpeg", (), boxes)


def many(count=500, seed=0):
    """Samples of a common, a rare and a very rare class and negatives, in all combinations."""
    rng = np.random.default_rng(seed)
    share = {"common": 0.8, "rare": 0.1, "very rare": 0.02}
    return [sample(f"{i:04d}.jpg", *(c for c, p in share.items() if rng.random() < p)) for i in range(count)]


def shares(samples, sides):
    total, held = Counter(), Counter()
    for item in samples:
        classes = {box.class_name for box in item.boxes} or {"negative"}
        total.update(classes)
        held.update(classes if sides[item.name] == EVAL else ())
    return {name: held[name] / total[name] for name in total}


@pytest.mark.parametrize("seed", range(5))
def test_every_class_gets_its_share(seed):
    samples = many(seed=seed)
    sides = draw(samples, 0.2, seed, {}, {})
    assert abs(Counter(sides.values())[EVAL] / len(samples) - 0.2) < 0.03
    for name, share in shares(samples, sides).items():
        assert abs(share - 0.2) < (0.03 if name in ("common", "negative") else 0.12), name


def test_order_does_not_matter_and_the_seed_does():
    samples = many(100)
    assert draw(samples, 0.2, 0, {}, {}) == draw(samples[::-1], 0.2, 0, {}, {})
    assert draw(samples, 0.2, 0, {}, {}) != draw(samples, 0.2, 1, {}, {})


def test_each_class_can_be_measured():
    samples = [sample(f"{name}{i}.jpg", name) for name in "abc" for i in range(2)]
    sides = draw(samples, 0.05, 0, {}, {})
    assert all(Counter(sides[f"{name}{i}.jpg"] for i in range(2)) == {TRAIN: 1, EVAL: 1} for name in "abc")
    assert draw([sample("only.jpg", "a")], 0.5, 0, {}, {}) == {"only.jpg": TRAIN}


def test_the_same_bytes_are_on_one_side():
    samples = [sample(f"{i}.jpg", "cat", sha256=f"bytes {i // 3}") for i in range(60)]
    sides = draw(samples, 0.3, 0, {}, {})
    assert all(len({sides[f"{3 * i + j}.jpg"] for j in range(3)}) == 1 for i in range(20))
    assert Counter(sides.values()) == {TRAIN: 42, EVAL: 18}


def test_who_has_a_side_keeps_it():
    old = many(300, seed=1)
    sides = draw(old, 0.2, 0, {}, {})
    for added in (1, 10, 300):
        new = old + [
            sample(f"new {item.name}", *{box.class_name for box in item.boxes}) for item in many(added, seed=2)
        ]
        extended = draw(new, 0.2, 0, sides, {})
        assert all(extended[name] == side for name, side in sides.items())
        assert all(abs(share - 0.2) < 0.12 for share in shares(new, extended).values())
    removed = draw(old[50:], 0.2, 0, sides, {})
    assert all(sides[name] == side for name, side in removed.items())


def test_a_renamed_sample_keeps_its_side():
    old = many(50)
    sides = draw(old, 0.2, 0, {}, {})
    by_bytes = {item.sha256: sides[item.name] for item in old}
    renamed = [Sample("renamed " + s.name, s.image, s.sha256, 10, 10, "jpeg", (), s.boxes) for s in old]
    assert draw(renamed, 0.2, 0, sides, by_bytes) == {"renamed " + name: side for name, side in sides.items()}


def test_copies_that_had_two_sides_meet_in_training():
    samples = [sample("a.jpg", "cat", sha256="same"), sample("b.jpg", "cat", sha256="same")]
    assert set(draw(samples, 0.5, 0, {"a.jpg": EVAL, "b.jpg": TRAIN}, {}).values()) == {TRAIN}


NAMES = ["cam1/1.jpg", "cam2/1.jpg", "cam2/two.v2.JPG", "Three.png", "#4.jpg", "five 5.jpg"]


def lists(tmp_path, train, held=""):
    (tmp_path / "train.txt").write_text(train, encoding="utf-8")
    (tmp_path / "eval.txt").write_text(held, encoding="utf-8")
    return {TRAIN: str(tmp_path / "train.txt"), EVAL: str(tmp_path / "eval.txt")}


def test_lists(tmp_path):
    train = "\ufeff# for training\n\ncam1/1\r\nTWO.V2.jpg   # the second\n./three\n"
    held = "CAM2\\1.jpg\n#4.jpg\nfive 5\n"
    assert from_lists(lists(tmp_path, train, held), NAMES) == {
        "cam1/1.jpg": TRAIN,
        "cam2/two.v2.JPG": TRAIN,
        "Three.png": TRAIN,
        "cam2/1.jpg": EVAL,
        "#4.jpg": EVAL,
        "five 5.jpg": EVAL,
    }


def test_images_on_neither_list_have_no_side(tmp_path):
    assert from_lists(lists(tmp_path, "three", "five 5"), NAMES) == {"Three.png": TRAIN, "five 5.jpg": EVAL}


def test_a_whole_path_is_meant_before_the_end_of_another(tmp_path):
    assert from_lists(lists(tmp_path, "a.jpg"), ["a.jpg", "sub/a.jpg"]) == {"a.jpg": TRAIN}


def test_an_extension_tells_apart(tmp_path):
    assert from_lists(lists(tmp_path, "a.png"), ["a.jpg", "a.png"]) == {"a.png": TRAIN}


def test_all_mistakes_in_lists_are_told_at_once(tmp_path):
    with pytest.raises(UserError) as error:
        from_lists(lists(tmp_path, "three\n1.jpg\n", "three.png\nnine\n"), NAMES)
    text = str(error.value)
    assert "train.txt, line 2: 1.jpg names 2 images (cam1/1.jpg, cam2/1.jpg)" in text
    assert "eval.txt, line 1: three.png is on both lists" in text
    assert "eval.txt, line 2: nine names no image" in text


@pytest.mark.parametrize("other, told", [("/old/images/eight.jpg", True), ("eight.jpg", False)])
def test_the_folder_to_leave_out_is_told_where_all_lines_have_it(tmp_path, other, told):
    with pytest.raises(UserError) as error:
        from_lists(lists(tmp_path, f"/old/images/three.png\n{other}\n", "five 5.jpg\n"), NAMES)
    assert ("; leave out /old/images/, since paths begin in the images folder" in str(error.value)) == told


BOXES = "filename,width,height,class,xmin,ymin,xmax,ymax\nThree.png,640,480,cat,1,1,20,20\n"


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (
            {"train_labels.csv": BOXES, "test_labels.csv": BOXES},
            "train_labels.csv and *test_labels.csv are annotations and no lists of the names of images (a table of "
            "boxes (CSV)); where `dataset.annotations` has such files, `split: {source: true}` in place of the lists "
            "takes the sides that the names of such files state",
        ),
        (
            {"train.txt": "Three.png 1,1,20,20,0\n" * 40, "val.txt": "five 5.jpg\n"},
            "train.txt holds annotations and is no list of the names of images (YOLO Keras); *",
        ),
        (
            {"train.json": '{"images": [], "annotations": [], "categories": []}', "val.txt": "five 5.jpg\n"},
            "train.json holds annotations and is no list of the names of images (COCO); *",
        ),
    ],
)
def test_annotations_in_place_of_a_list_are_told_in_one_sentence(tmp_path, texts, says):
    for name, content in texts.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError) as error:
        from_lists(dict(zip((TRAIN, EVAL), (str(tmp_path / name) for name in texts), strict=True)), NAMES)
    _, mistake = str(error.value).splitlines()
    assert fnmatchcase(mistake, f"  - *{says}")


def test_a_missing_list_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.txt cannot be read"):
        from_lists({TRAIN: str(tmp_path / "nowhere.txt")}, NAMES)


def test_the_published_lists(shared):
    names = sorted(path.name for path in (shared / "data/raccoon/images").iterdir())
    sides = from_lists({side: shared / f"data/raccoon/{side}.txt" for side in (TRAIN, EVAL)}, names)
    assert Counter(sides.values()) == {TRAIN: 160, EVAL: 40}
