"""Images that show the same picture: which are found, and which side of the split they get."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps
from tests import factories
from tests.unit.dataset.test_defects import findings
from tests.unit.dataset.test_plan import sides

from boxwright.core.errors import UserError
from boxwright.dataset import near_duplicates, plan, reading
from boxwright.dataset.sets import Sets
from boxwright.images import fingerprint

DEFECT = "near_duplicate_across_split"


def scene(seed, size=(320, 240)):
    """A soft background with some forms all over it, and grain."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(40, 216, (6, 8, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(16):
        x, y = rng.integers(-20, size[0]), rng.integers(-20, size[1])
        w, h = rng.integers(15, 70, 2)
        pen.ellipse([int(v) for v in (x, y, x + w, y + h)], fill=tuple(rng.integers(0, 256, 3).tolist()))
    grain = rng.normal(0, 6, (size[1], size[0], 3))
    return Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8))


def jpeg(image, quality=90, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, **options)
    return buffer.getvalue()


def captioned(image, top=False):
    image = image.copy()
    low = 0 if top else image.height * 8 // 9
    ImageDraw.Draw(image).rectangle((0, low, image.width, low + image.height // 9), fill="black")
    ImageDraw.Draw(image).text((12, low + 8), "23.07. 14:05  camera 2", fill="white")
    return image


def moved(image):
    """The next frame of a camera that turns, or another crop of 90 %."""
    return image.crop((0, 0, image.width * 9 // 10, image.height * 9 // 10))


CHANGES = {
    "encoded again": lambda image: jpeg(image, 35),
    "a third": lambda image: jpeg(image.resize((image.width // 3, image.height // 3), Image.Resampling.BICUBIC)),
    "cropped": lambda image: jpeg(
        image.crop([round(v * s) for v, s in zip(image.size * 2, (0.05, 0.05, 0.95, 0.95), strict=True)])
    ),
    "mirrored": lambda image: jpeg(ImageOps.mirror(image)),
    "captioned": lambda image: jpeg(captioned(image)),
    "captioned above": lambda image: jpeg(captioned(image, top=True)),
    "moved": lambda image: jpeg(moved(image)),
    "another format": lambda image: factories.encode(image, "PNG"),
    "turned by EXIF": lambda image: jpeg(image.transpose(Image.Transpose.ROTATE_90), exif=orientation(6)),
}


def orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@pytest.fixture(scope="module")
def originals():
    return [fingerprint.text(jpeg(scene(seed))) for seed in range(40)]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_is_found_and_nothing_else(originals, change):
    changed = [fingerprint.text(change(scene(seed))) for seed in range(40)]
    assert near_duplicates.links(originals + changed) == [(seed, seed + 40) for seed in range(40)]


def test_pictures_are_unpacked_in_portions(originals, monkeypatch):
    """So memory grows by the packed fingerprints alone."""
    texts = originals + [fingerprint.text(CHANGES["mirrored"](scene(seed))) for seed in range(40)]
    sizes = []
    coarse, fine = fingerprint.coarse, fingerprint.fine
    monkeypatch.setattr(fingerprint, "coarse", lambda rows: sizes.append(len(rows)) or coarse(rows))
    monkeypatch.setattr(fingerprint, "fine", lambda rows: sizes.append(len(rows)) or fine(rows))
    monkeypatch.setattr(near_duplicates, "_UNPACKED", 7)
    monkeypatch.setattr(near_duplicates, "_BATCH", 9)
    assert near_duplicates.links(texts) == [(seed, seed + 40) for seed in range(40)]
    assert max(sizes) <= 9


def test_captions_and_frames_of_one_kind_make_no_pair():
    def framed(seed):
        image = captioned(captioned(scene(seed)), top=True)
        return fingerprint.text(jpeg(ImageOps.expand(image, (0, 20), "black")))

    assert near_duplicates.links([framed(seed) for seed in range(120)]) == []


def test_soft_pictures_with_one_form_in_the_same_place_make_no_pair():
    def picture(seed):
        rng = np.random.default_rng(seed)
        image = Image.fromarray(rng.integers(40, 216, (6, 8, 3), np.uint8)).resize((160, 120), Image.Resampling.BICUBIC)
        ImageDraw.Draw(image).rectangle((60, 40, 100, 80), fill="red")
        return fingerprint.text(jpeg(image))

    assert near_duplicates.links([picture(seed) for seed in range(150)]) == []


def test_what_shows_nothing_or_cannot_be_read_has_no_fingerprint():
    empty = jpeg(Image.new("RGB", (64, 48), "white"))
    assert [fingerprint.text(data) for data in (empty, b"", b"\xff\xd8\xff", jpeg(scene(0))[:500])] == [""] * 4


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA", "P", "1", "I;16"])
def test_every_mode_has_a_fingerprint(mode):
    image = scene(0) if mode != "I;16" else Image.fromarray(np.asarray(scene(0).convert("L")).astype(np.uint16) * 257)
    form = "JPEG" if mode == "CMYK" else "PNG"
    text = fingerprint.text(factories.encode(image if mode == "I;16" else image.convert(mode), form))
    if mode not in ("1", "CMYK"):
        assert near_duplicates.links([fingerprint.text(jpeg(scene(0))), text]) == [(0, 1)]
    assert text


def test_many_frames_of_a_fixed_camera_are_connected_in_little_time(monkeypatch):
    monkeypatch.setattr(near_duplicates, "_CROWD", 20)
    monkeypatch.setattr(near_duplicates, "_BATCH", 40)
    still, frames = scene(0), []
    for number in range(120):
        frame = still.copy()
        ImageDraw.Draw(frame).ellipse((2 * number, 100, 2 * number + 30, 130), fill="red")
        frames.append(fingerprint.text(jpeg(frame)))
    links = near_duplicates.links(frames)
    connected = Sets()
    for link in links:
        connected.unite(*link)
    assert {connected.of(number) for number in range(120)} == {0} and len(links) < 200


@pytest.fixture
def pairs(dataset):
    """Twelve scenes, of which the first six come once more as a0.jpg, a1.jpg, ..., each changed in another way."""
    for seed in range(12):
        dataset.sample(f"s{seed:02d}.jpg", data=jpeg(scene(seed)), size=(320, 240))
    for seed, change in enumerate(list(CHANGES.values())[:6]):
        data = change(scene(seed))
        with Image.open(io.BytesIO(data)) as image:
            dataset.sample(f"a{seed}.jpg", data=data, size=image.size)
    return dataset


def test_pairs_come_to_one_side(pairs, tmp_path):
    for seed in range(4):
        split = {"eval_fraction": 0.4, "seed": seed, "train": None, "eval": None}
        made = plan.make(pairs.settings(split=split), tmp_path / str(seed))
        side = sides(tmp_path / str(seed))
        assert all(side[f"a{number}.jpg"] == side[f"s{number:02d}.jpg"] for number in range(6))
        assert 5 <= list(side.values()).count("eval") <= 9
        assert "12 images are near-duplicates of others, in 6 groups" in made.summary
        assert DEFECT not in made.counts["defects"]


def test_without_the_search_chance_divides_them(pairs, tmp_path):
    made = plan.make(pairs.settings(near_duplicates=False), tmp_path)
    side = sides(tmp_path)
    assert any(side[f"a{number}.jpg"] != side[f"s{number:02d}.jpg"] for number in range(6))
    assert "near-duplicates" not in made.summary and not (tmp_path / "plan/contents.txt").exists()


def test_sides_that_were_drawn_stay_and_what_is_new_follows(pairs, tmp_path):
    plan.make(pairs.settings(near_duplicates=False), tmp_path)
    before = sides(tmp_path)
    apart = {f"a{n}.jpg" if before[f"a{n}.jpg"] == "eval" else f"s{n:02d}.jpg"
             for n in range(6) if before[f"a{n}.jpg"] != before[f"s{n:02d}.jpg"]}  # fmt: skip
    for seed in range(12):
        data = jpeg(captioned(scene(seed)), 70)
        pairs.sample(f"new{seed:02d}.jpg", data=data, size=(320, 240))
    plan.make(pairs.settings(), tmp_path)
    side = sides(tmp_path)
    assert before.items() <= side.items()
    for seed in range(12):
        fellows = {before[name] for name in (f"s{seed:02d}.jpg", f"a{seed}.jpg") if name in before}
        assert side[f"new{seed:02d}.jpg"] == ("train" if "train" in fellows else "eval")
    found = [case for case in findings(tmp_path / "plan/checks.tsv") if case.defect == DEFECT]
    assert apart and {case.file for case in found} == apart and {case.action for case in found} == {"keep"}


def test_a_test_side_is_apart_from_what_trains_and_what_chooses(pairs, tmp_path):
    names = {"train": "s00 s01 s02 s03 s06 s07", "eval": "s04 s05 s08 s09", "test": "a0 a4 a5 s10 s11 a1"}
    for side, own in names.items():
        (tmp_path / f"{side}.txt").write_text(own.replace(" ", "\n"))
    split = {"eval_fraction": 0.2, "seed": 0} | {side: str(tmp_path / f"{side}.txt") for side in names}
    plan.make(pairs.settings(split=split), tmp_path / "out")
    found = [case for case in findings(tmp_path / "out/plan/checks.tsv") if case.defect == DEFECT]
    assert [(case.file, case.detail) for case in found] == [
        ("a0.jpg", "it shows the same as the training image s00.jpg"),
        ("a1.jpg", "it shows the same as the training image s01.jpg"),
        ("a4.jpg", "it shows the same as the evaluation image s04.jpg"),
        ("a5.jpg", "it shows the same as the evaluation image s05.jpg"),
    ]
    made = plan.make(pairs.settings(split=split, policies={DEFECT: "drop_image"}), tmp_path / "out")
    assert [made.counts[side]["images"] for side in ("train", "eval", "test")] == [6, 4, 2]


def test_a_drawn_test_side_takes_them_together(pairs, tmp_path):
    split = {"eval_fraction": 0.3, "seed": 0}
    plan.make(pairs.settings(split=split), tmp_path)
    before = sides(tmp_path)
    made = plan.make(pairs.settings(split=split | {"test_fraction": 0.2}), tmp_path)
    side = sides(tmp_path)
    assert all(side[f"a{number}.jpg"] == side[f"s{number:02d}.jpg"] for number in range(6))
    assert {(before[name], side[name]) for name in side if side[name] != before[name]} == {("eval", "test")}
    assert DEFECT not in made.counts["defects"]


def test_given_lists_that_divide_them(pairs, tmp_path):
    (tmp_path / "train.txt").write_text("".join(f"s{seed:02d}\n" for seed in range(9)))
    (tmp_path / "eval.txt").write_text("".join(f"a{seed}\n" for seed in range(6)) + "s09\ns10\ns11\n")
    split = {"eval_fraction": 0.2, "seed": 0, "train": str(tmp_path / "train.txt"), "eval": str(tmp_path / "eval.txt")}
    made = plan.make(pairs.settings(split=split), tmp_path / "out")
    found = [case for case in findings(tmp_path / "out/plan/checks.tsv") if case.defect == DEFECT]
    assert [(case.file, case.detail.split()[-1]) for case in found] == [
        (f"a{n}.jpg", f"s{n:02d}.jpg") for n in range(6)
    ]
    assert made.counts["eval"]["images"] == 9 and DEFECT in made.summary
    # The metric is given without these images, too.
    listed = tmp_path / "out/plan" / plan.ACROSS_SPLIT
    assert listed.read_text() == "".join(f"a{n}.jpg\ts{n:02d}.jpg\n" for n in range(6))
    identity = made.identities["across_split"]
    pairs.xml("s00.jpg", factories.Box("dog", 8, 6, 40, 30), size=(320, 240))
    assert plan.make(pairs.settings(split=split), tmp_path / "out").identities["across_split"] == identity
    (tmp_path / "train.txt").write_text("".join(f"s{seed:02d}\n" for seed in range(1, 9)))
    fewer = plan.make(pairs.settings(split=split), tmp_path / "out").identities["across_split"]
    assert fewer != identity and "a0.jpg" not in listed.read_text()
    (tmp_path / "train.txt").write_text("".join(f"s{seed:02d}\n" for seed in range(9)))
    made = plan.make(pairs.settings(split=split, policies={DEFECT: "drop_image"}), tmp_path / "out")
    assert (made.counts["train"]["images"], made.counts["eval"]["images"]) == (9, 3)
    assert "across_split" not in made.identities and not listed.exists()
    with pytest.raises(UserError, match=rf"a0\.jpg: {DEFECT}, it shows the same as the training image s00\.jpg"):
        plan.make(pairs.settings(split=split, policies={DEFECT: "fail"}), tmp_path / "out")
    with pytest.raises(UserError, match=r"`dataset\.split\.group_by` is for a split by chance"):
        plan.make(pairs.settings(split={**split, "group_by": "folder"}), tmp_path / "out")


def test_the_same_bytes_on_both_sides_are_listed_where_they_are_kept(dataset, tmp_path):
    for name, seed in {"a.jpg": 0, "b.jpg": 1, "c.jpg": 0, "d.jpg": 2}.items():
        dataset.sample(name, data=jpeg(scene(seed)), size=(320, 240))
    lists = {"train": "a.jpg\nb.jpg\n", "eval": "c.jpg\nd.jpg\n"}
    for side, names in lists.items():
        (tmp_path / f"{side}.txt").write_text(names)
    split = {"eval_fraction": 0.2, "seed": 0} | {side: str(tmp_path / f"{side}.txt") for side in lists}
    for search in (True, False):
        settings = dataset.settings(split=split, policies={"duplicate_across_split": "keep"}, near_duplicates=search)
        plan.make(settings, tmp_path / "out")
        assert (tmp_path / "out/plan" / plan.ACROSS_SPLIT).read_text() == "c.jpg\ta.jpg\n"


def test_what_leaves_a_side_empty_is_named(dataset, tmp_path):
    for seed, change in enumerate(CHANGES.values()):
        dataset.sample(f"s{seed:02d}.jpg", data=change(scene(0)))
    with pytest.raises(UserError, match=r"near-duplicates of others.*`dataset\.near_duplicates: false`"):
        plan.make(dataset.settings(policies={"size_mismatch": "keep"}), tmp_path)


def test_each_content_is_looked_at_once(pairs, tmp_path, monkeypatch, capsys):
    plan.make(pairs.settings(near_duplicates=False), tmp_path)
    read = []
    inspect = reading.inspect
    monkeypatch.setattr(reading, "inspect", lambda work, label="": read.extend(work) or inspect(work, label))
    made = plan.make(pairs.settings(), tmp_path)
    assert {kind for kind, _ in read} == {"image+fingerprint"} and len(read) == 18
    monkeypatch.setattr(near_duplicates, "links", lambda prints: pytest.fail("searched again"))
    read.clear()
    assert plan.make(pairs.settings(), tmp_path) == made and not read
    pairs.xml("s00.jpg", factories.Box("dog", 8, 6, 40, 30), size=(320, 240))
    plan.make(pairs.settings(), tmp_path)
    assert [kind for kind, _ in read] == ["voc"]
    monkeypatch.undo()
    for name, said in (
        ("contents.txt", "the images are looked at"),
        ("near_duplicates.tsv", "near-duplicates are sea"),
    ):
        path = tmp_path / "plan" / name
        sound = path.read_bytes()
        for damage in (b"", b"[]\n", sound[:90], sound.replace(b"\t", b" ", 1), sound.replace(b"f", b"e", 1)):
            path.write_bytes(damage)
            (tmp_path / "plan/stamp.json").unlink()
            capsys.readouterr()
            assert plan.make(pairs.settings(), tmp_path).identities["split"] == made.identities["split"]
            assert damage == sound or said in capsys.readouterr().err
            assert path.read_bytes() == sound
