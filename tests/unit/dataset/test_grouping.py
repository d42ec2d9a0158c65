"""Groups of the split: by folder, by name, by camera and time; a group never crosses."""

import pytest
from PIL import Image
from tests import factories
from tests.unit.dataset.test_defects import findings
from tests.unit.dataset.test_plan import sides
from tests.unit.dataset.test_split import many, sample

from boxwright.core.errors import UserError
from boxwright.dataset import plan
from boxwright.dataset.split import EVAL, draw
from boxwright.images import capture


def taken(seed, time="", camera="Canon", details=True):
    """A JPEG with a camera, and the time in one of the two places where EXIF has it."""
    exif = Image.Exif()
    exif[0x010F] = camera
    if details:
        exif.get_ifd(0x8769)[0x9003] = time
    else:
        exif[0x0132] = time
    return factories.photo(seed, exif=exif)


def made(dataset, out, group_by, seed=0):
    split = {"eval_fraction": 0.3, "seed": seed, "train": None, "eval": None, "group_by": group_by}
    plan.make(dataset.settings(split=split), out)
    return sides(out)


def groups_are_whole(side, group_of):
    found = {}
    for name, group in group_of.items():
        found.setdefault(group, set()).add(side[name])
    return all(len(where) == 1 for where in found.values()) and len(set.union(*found.values())) == 2


@pytest.mark.parametrize("seed", range(3))
def test_by_folder(dataset, tmp_path, seed):
    names = [f"scene{number % 6}/{number:02d}.jpg" for number in range(36)]
    for name in names:
        dataset.sample(name)
    assert groups_are_whole(made(dataset, tmp_path, "folder", seed), {name: name.split("/")[0] for name in names})


def test_by_name(dataset, tmp_path):
    names = [f"clip{number % 7}_{number:03d}.jpg" for number in range(42)] + ["other.jpg", "another.jpg"]
    for name in names:
        dataset.sample(name)
    side = made(dataset, tmp_path, {"name": r"^(.*)_\d+"})
    assert groups_are_whole(side, {name: name.split("_")[0] for name in names})
    with pytest.raises(UserError, match=r"`dataset.split.group_by.name` is not a regular expression"):
        made(dataset, tmp_path, {"name": "(("})


def test_by_camera_and_time(dataset, tmp_path):
    group_of = {}
    for number in range(30):
        camera = ("Canon", "Nikon")[number % 2]
        minute, second = divmod(number // 2 * 20 + number // 10 * 300, 60)
        name = f"{number:02d}.jpg"
        dataset.sample(name, data=taken(number, f"2020:01:01 10:{minute:02d}:{second:02d}", camera, number % 3 > 0))
        group_of[name] = f"{camera} {number // 10}"
    dataset.sample("untimed.jpg", data=taken(40, "0000:00:00 00:00:00"))
    dataset.sample("plain.jpg", data=factories.photo(41))
    assert groups_are_whole(made(dataset, tmp_path, {"exif_gap_s": 60}), group_of)
    assert (tmp_path / "plan/contents.txt").read_text().count("Canon\t2020:01:01") == 15


def test_what_exif_says_of_the_capture():
    assert capture.text(taken(0, "2020:01:01 10:00:00")) == "Canon\t2020:01:01 10:00:00"
    assert capture.text(factories.photo(0)) == capture.text(b"") == capture.text(b"\xff\xd8\xff") == ""


def test_one_folder_for_all_cannot_be_divided(dataset, tmp_path):
    dataset.fill(6)
    with pytest.raises(UserError, match=r"see whether `dataset.split.group_by` makes several groups"):
        made(dataset, tmp_path, "folder")


def test_a_group_keeps_its_side_and_takes_in_what_is_new():
    samples = many(200)
    group_of = {one.name: one.name[2] for one in samples}
    first = draw(samples[:150], 0.2, 0, {}, {}, group_of)
    later = draw(samples, 0.2, 0, first, {}, group_of)
    assert first.items() <= later.items() and groups_are_whole(later, group_of)


def test_groups_and_near_duplicates_hold_together():
    samples = [sample(f"{number}.jpg", "cat") for number in range(40)]
    group_of = {f"{number}.jpg": str(number // 4) for number in range(20)}
    links = [(f"sha of {number}.jpg", f"sha of {number + 20}.jpg") for number in range(20)]
    side = draw(samples, 0.25, 0, {}, {}, group_of, links)
    assert all(side[f"{number}.jpg"] == side[f"{number + 20}.jpg"] for number in range(20))
    assert groups_are_whole(side, group_of)
    assert list(side.values()).count(EVAL) == 8


@pytest.mark.parametrize("seed", range(3))
def test_copies_that_roboflow_made_of_one_image(dataset, tmp_path, seed):
    """A turned or darkened copy is not found by its pixels, but its name says what it was made of."""
    names = [f"photo{number % 8}_jpg.rf.{number:032x}.jpg" for number in range(24)]
    for name in names:
        dataset.sample(name)
    split = {"eval_fraction": 0.3, "seed": seed, "train": None, "eval": None}
    plan.make(dataset.settings(split=split, near_duplicates=True), tmp_path)
    assert groups_are_whole(sides(tmp_path), {name: name.split("_")[0] for name in names})
    lists = {"train": tmp_path / "train.txt", "eval": tmp_path / "eval.txt"}
    lists["train"].write_text("\n".join(names[8:]))
    lists["eval"].write_text("\n".join(names[:8]))
    split |= {side: str(path) for side, path in lists.items()}
    plan.make(dataset.settings(split=split, near_duplicates=True), tmp_path / "listed")
    cases = findings(tmp_path / "listed/plan/checks.tsv")
    assert {case.defect for case in cases} == {"near_duplicate_across_split"} and len(cases) == 8
