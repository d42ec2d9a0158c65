"""The demo data set: what is promised about it holds for the pixels that were drawn."""

import hashlib
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from boxwright.core.errors import UserError
from boxwright.dataset import demo
from boxwright.dataset.formats import voc
from boxwright.images import loader

PICTURES = 120


@pytest.fixture(scope="module")
def painted():
    return [demo.paint(0, number) for number in range(PICTURES)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "deep" / "demo"
    demo.draw(folder, images=40, seed=0)
    return folder


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_annotations_are_those_of_the_pictures(folder, painted):
    names = sorted(path.stem for path in (folder / "images").iterdir())
    assert names == sorted(path.stem for path in (folder / "annotations").iterdir())
    assert len(names) == 40
    for name, (image, shapes) in zip(names, painted, strict=False):
        (annotation,) = voc.read((folder / "annotations" / f"{name}.xml").read_bytes()).statements
        assert annotation.image == f"{name}.jpg"
        assert (annotation.width, annotation.height) == image.size
        assert list(annotation.boxes) == [shape.box for shape in shapes]
        data = (folder / "images" / f"{name}.jpg").read_bytes()
        info = loader.probe(data)
        assert (info.format, info.width, info.height, info.problem) == ("jpeg", *image.size, "")
        loss = np.abs(loader.load_rgb(data).astype(int) - np.asarray(image)).mean()
        assert loss < 6


def test_bytes_follow_from_the_seed(folder, tmp_path):
    demo.draw(tmp_path / "again", images=40, seed=0)
    demo.draw(tmp_path / "fewer", images=10, seed=0)
    demo.draw(tmp_path / "other", images=10, seed=1)
    first = digests(folder)
    assert digests(tmp_path / "again") == first
    assert digests(tmp_path / "fewer").items() <= first.items()
    pictures = {name: digest for name, digest in first.items() if name.endswith(".jpg")}
    assert len(set(pictures.values())) == len(pictures)
    assert not set(digests(tmp_path / "other").values()) & set(pictures.values())


def test_a_tenth_is_empty_and_all_classes_and_counts_occur(painted):
    per_image = Counter(len(shapes) for _, shapes in painted)
    assert per_image[0] == PICTURES / 10
    assert set(per_image) == set(range(demo.MAX_OBJECTS + 1))
    per_class = Counter(shape.box.class_name for _, shapes in painted for shape in shapes)
    assert len(per_class) >= 4
    assert min(per_class.values()) > 0.5 * max(per_class.values())


def test_sizes_places_and_overlaps(painted):
    sides, overlaps = [], []
    for image, shapes in painted:
        for shape in shapes:
            xmin, ymin, xmax, ymax = shape.box.corners
            assert 0 < xmin < xmax < image.width
            assert 0 < ymin < ymax < image.height
            sides.append(max(xmax - xmin, ymax - ymin) / min(image.size))
        overlaps += [demo.iou(a.box, b.box) for a, b in combinations(shapes, 2)]
    assert 0.06 <= min(sides) < 0.12
    assert 0.5 < max(sides) <= 0.6
    assert 0.2 < max(overlaps) <= 0.4


def blank_picture(number):
    """The background of a picture, without objects, and its tones."""
    rng = np.random.default_rng([0, number])
    return demo.background(rng, demo.SIZES[rng.integers(len(demo.SIZES))])


def test_boxes_are_tight_around_the_drawn_pixels(painted):
    alone = [(number, image, shapes[0]) for number, (image, shapes) in enumerate(painted) if len(shapes) == 1]
    assert len({shape.box.class_name for *_, shape in alone}) >= 3
    for number, image, shape in alone:
        blank = np.asarray(blank_picture(number)[0], float)
        # How much of each pixel is the object: where its colour lies on the way from the background's to the object's.
        way = np.array(shape.colour) - blank
        covered = ((np.asarray(image) - blank) * way).sum(axis=-1) / (way * way).sum(axis=-1)
        rows, columns = np.nonzero(covered > 0.49)
        drawn = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert drawn == shape.box.corners


def test_boxes_are_tight_around_the_masks(painted):
    for _, shapes in painted:
        for shape in shapes:
            rows, columns = np.nonzero(shape.mask)
            height, width = shape.mask.shape
            assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (0, height, 0, width)
            assert (width, height) == (shape.box.xmax - shape.box.xmin, shape.box.ymax - shape.box.ymin)


def test_nothing_is_drawn_outside_the_boxes(painted):
    for number, (image, shapes) in enumerate(painted[:40]):
        blank, _ = blank_picture(number)
        changed = np.any(np.asarray(image) != np.asarray(blank), axis=-1)
        assert changed.any() == bool(shapes)
        for shape in shapes:
            changed[shape.window] = False
        assert not changed.any()


def test_every_object_is_mostly_seen_and_stands_out(painted):
    for number, (image, shapes) in enumerate(painted):
        _, behind = blank_picture(number)
        top = np.full((image.height, image.width), -1)
        for i, shape in enumerate(shapes):
            top[shape.window][shape.mask] = i
            assert min(np.linalg.norm(np.subtract(shape.colour, colour)) for colour in behind) >= 110
        for i, shape in enumerate(shapes):
            assert np.count_nonzero(top == i) >= 0.7 * shape.mask.sum()


def test_background_lies_between_its_tones():
    for number in range(30):
        image, (first, _, last) = demo.background(np.random.default_rng(number), (256, 192))
        low, high = np.minimum(first, last), np.maximum(first, last)
        pixels = np.asarray(image).reshape(-1, 3)
        assert (pixels >= low - 1).all()
        assert (pixels <= high + 1).all()
        assert pixels.std(axis=0).max() > 4  # textured


def test_an_existing_folder_is_not_touched(folder):
    before = digests(folder)
    with pytest.raises(UserError, match="already exists"):
        demo.draw(folder, images=3)
    assert digests(folder) == before


def test_whole_or_not_at_all(tmp_path, monkeypatch):
    def fail(seed, number):
        if number == 3:
            raise KeyboardInterrupt
        return paint(seed, number)

    paint = demo.paint
    monkeypatch.setattr(demo, "paint", fail)
    with pytest.raises(KeyboardInterrupt):
        demo.draw(tmp_path / "demo", images=5)
    assert list(tmp_path.iterdir()) == []
