"""What changed in a data set since its records were written, in words."""

import shutil

import pytest
from tests import factories

from boxwright.console.checksums import Checksums
from boxwright.dataset import changes, manifest, plan
from boxwright.dataset.class_rules import ClassRules
from boxwright.dataset.samples import Box

CAT = Box("cat", 8, 6, 40, 30)


class Run:
    """Plans of one data set, and records that were written from some of them."""

    def __init__(self, dataset, out, shards=2) -> None:
        self.dataset, self.out = dataset, out
        self.shards = {"train": shards, "eval": 1, "test": 1}

    def plan(self, **settings):
        self.made = plan.make(self.dataset.settings(shards=self.shards, **settings), self.out)
        return self.made

    def write(self) -> None:
        """What the rules make of the plan, as far as it matters here."""
        for name, identity in self.made.identities.items():
            if "-of-" in name:
                path = self.out / f"{name}.tfrecord"
                path.write_bytes(b"records")
                Checksums(self.out).write([path], made_with={"identity": {"data": identity, "code": "c"}})
        shutil.copy(self.out / "plan/label_map.pbtxt", self.out)

    def told(self, **settings):
        made = self.plan(**settings)
        boxes = {}
        for side in ("train", "eval"):
            for name, count in made.counts[side]["classes"].items():
                boxes[name] = boxes.get(name, 0) + count
        rules = ClassRules.of(settings.get("classes"))
        return changes.told(self.out, self.out, made.identities, made.classes, boxes, rules=rules)


@pytest.fixture
def run(dataset, tmp_path):
    dataset.fill(20)
    run = Run(dataset, tmp_path / "out")
    run.plan()
    return run


@pytest.fixture
def written(run):
    run.write()
    return run


def test_classes_that_lose_all_their_boxes_can_be_forgotten(written):
    for number in range(20):
        written.dataset.xml(f"s{number:02d}.jpg", Box("sun", 8, 6, 40, 30))
    *_, new, emptied = written.told()
    maps = [written.out / "label_map.pbtxt", written.out / "plan/label_map.pbtxt"]
    assert new == "new class sun (20 boxes)" and list(written.made.classes) == ["cat", "dog", "sun"]
    assert emptied == (
        "classes cat, dog have no box left and keep their ids, so models still have them; to number the classes anew "
        f"without them, delete {maps[0]} and {maps[1]}"
    )
    for path in maps:
        path.unlink()
    assert written.plan().classes == {"sun": 1}


def test_a_class_of_a_given_label_map_may_lose_its_boxes(written, tmp_path):
    path = tmp_path / "map.pbtxt"
    path.write_text('item { id: 1 name: "cat" } item { id: 2 name: "sun" }')
    for number in range(20):
        written.dataset.xml(f"s{number:02d}.jpg", Box("sun", 8, 6, 40, 30))
    made = written.plan(label_map=str(path))
    told = changes.told(written.out, written.out, made.identities, made.classes, {"sun": 20}, given=True)
    assert told and not any("no box left" in line for line in told)


def side_of(run, name):
    (found,) = (path.stem for path in (run.out / "plan").glob("*-of-*.jsonl") if f'"name":"{name}"' in path.read_text())
    return found.split("-")[0]


def one_of(run, side):
    return next(f"s{number:02d}.jpg" for number in range(20) if side_of(run, f"s{number:02d}.jpg") == side)


def test_before_the_first_run_nothing_is_said(run):
    assert run.told() == []


def test_where_nothing_changed_nothing_is_said(written):
    assert written.told() == []


@pytest.mark.parametrize("side", ["train", "eval"])
def test_an_edited_box(written, side):
    name = one_of(written, side)
    written.dataset.xml(name, Box("cat", 9, 6, 40, 30))
    assert written.told() == [f"{name}: its box changed"]
    assert written.told() == [f"{name}: its box changed"]  # also after a dry run


def test_the_changes_of_one_side_leave_out_those_of_others(written):
    """What trains a model again is the training side."""
    edited, other = one_of(written, "train"), one_of(written, "eval")
    for name in (edited, other):
        written.dataset.xml(name, Box("cat", 9, 6, 40, 30))
    made = written.plan()
    of_train = {name: one for name, one in made.identities.items() if name.startswith("train-")}
    assert changes.told(written.out, written.out, of_train, made.classes, {"cat": 10, "dog": 10}) == [
        f"{edited}: its box changed"
    ]
    assert written.told() == [f"2 images with changed boxes: {', '.join(sorted([edited, other]))}"]


def boxes_of(run, name):
    lists = list((run.out / "plan").glob("*-of-*.jsonl"))
    return sum(box.class_name == name for path in lists for one in manifest.read(path) for box in one.boxes)


def test_a_class_that_the_configuration_renames(written):
    """The old class keeps its id, which is told as well."""
    count, number = boxes_of(written, "cat"), written.made.classes["cat"]
    renamed, new, emptied = written.told(classes={"rename": {"cat": "lynx"}})
    assert renamed == f"`dataset.classes.rename` renames cat -> lynx ({count} boxes)"
    assert new == f"new class lynx ({count} boxes)"
    assert emptied.startswith("class cat has no box left and keeps its id, so models still have it; ")
    assert written.made.classes["cat"] == number


def test_classes_that_the_configuration_makes_one(written):
    count = boxes_of(written, "cat")
    merged, emptied = written.told(classes={"rename": {"cat": "dog"}})
    assert merged == f"`dataset.classes.rename` renames cat -> dog ({count} boxes)"
    assert emptied.startswith("class cat has no box left")


def test_a_class_that_the_configuration_ignores(written):
    count = boxes_of(written, "cat")
    policies = {"image_emptied": "keep"}
    written.plan(policies=policies)
    written.write()
    ignored, emptied = written.told(classes={"ignore": ["cat"]}, policies=policies)
    assert ignored == f"`dataset.classes.ignore` makes ignore regions of cat ({count} boxes)"
    assert emptied.startswith("class cat has no box left")


def test_edited_boxes_beside_a_renamed_class(written):
    written.dataset.xml("s01.jpg", Box("cat", 9, 6, 40, 30))
    renamed, edited, *_ = written.told(classes={"rename": {"cat": "lynx"}})
    assert renamed.startswith("`dataset.classes.rename` renames cat -> lynx (")
    assert edited == "s01.jpg: its box changed"


def test_classes_that_are_swapped_or_named_as_before(written):
    counts = {name: boxes_of(written, name) for name in ("cat", "dog")}
    lines = written.told(classes={"rename": {"cat": "dog", "dog": "cat"}})
    assert sorted(line.partition(": the ")[2] for line in lines) == [
        f"class of {counts['cat']} boxes changed: cat -> dog",
        f"class of {counts['dog']} boxes changed: dog -> cat",
    ]
    written.plan(classes={"rename": {"cat": "lynx"}})
    written.write()
    assert any(f"the class of {counts['cat']} boxes changed: lynx -> cat" in line for line in written.told())


def test_a_class_that_is_corrected_in_an_annotation(written):
    written.dataset.xml("s01.jpg", Box("cat", 8, 6, 40, 30))
    assert written.told() == ["s01.jpg: the class of a box changed: dog -> cat"]
    written.dataset.xml("s03.jpg", Box("cat", 8, 6, 40, 30))
    assert written.told() == ["s01.jpg, s03.jpg: the class of 2 boxes changed: dog -> cat"]


def test_boxes_in_another_order(written):
    boxes = CAT, Box("dog", 41, 31, 60, 40)
    written.dataset.xml("s01.jpg", *boxes)
    written.plan()
    written.write()
    written.dataset.xml("s01.jpg", *reversed(boxes))
    assert written.told() == ["s01.jpg: the order of its boxes changed"]


def test_a_box_more(written):
    written.dataset.xml("s01.jpg", CAT, Box("dog", 41, 31, 60, 40))
    assert written.told() == ["s01.jpg: 2 boxes now, 1 before"]


def test_what_was_written_is_known_over_several_edits(written):
    written.dataset.xml("s01.jpg", CAT, Box("dog", 41, 31, 60, 40))
    written.told()
    written.dataset.xml("s02.jpg", CAT, Box("dog", 41, 31, 60, 40))
    assert written.told() == ["2 images with changed boxes: s01.jpg, s02.jpg"]
    written.write()
    assert written.told() == []
    before = set((written.out / "plan/written").glob("*"))
    written.dataset.xml("s02.jpg", CAT)
    assert written.told() == ["s02.jpg: 1 box now, 2 before"]
    assert not before & set((written.out / "plan/written").glob("*"))


def test_an_edit_that_is_taken_back(written):
    written.dataset.xml("s01.jpg", CAT)
    written.told()
    written.dataset.xml("s01.jpg", Box("dog", 8, 6, 40, 30))
    assert written.told() == []


def test_images_come_and_go_and_a_new_class(written):
    written.dataset.sample("new.jpg", Box("Blast", 3, 3, 30, 30))
    (written.dataset.images / "s03.jpg").unlink()
    (written.dataset.annotations / "s03.xml").unlink()
    first, *others = written.told()
    assert first.startswith("1 new image (for ") and first.endswith("): new.jpg")
    assert others == ["1 image is gone: s03.jpg", "new class Blast (1 box)"]


def test_an_image_replaced_by_another(written):
    written.dataset.image("s01.jpg", factories.photo(99))
    assert written.told() == ["1 image file changed: s01.jpg"]


def test_images_that_change_sides(written, tmp_path):
    names = [f"s{number:02d}.jpg" for number in range(20)]
    held_out = {name for name in names if side_of(written, name) == "eval"}
    moved = one_of(written, "train")
    lists = {"train": [name for name in names if name not in {*held_out, moved}], "eval": [*held_out, moved]}
    for side, listed in lists.items():
        (tmp_path / f"{side}.txt").write_text("\n".join(listed))
    split = {"eval_fraction": 0.2, "seed": 0} | {side: str(tmp_path / f"{side}.txt") for side in lists}
    assert written.told(split=split) == [f"1 image is now for evaluation: {moved}"]


def test_another_number_of_shards_is_no_change_of_the_data(written):
    written.shards = {"train": 3, "eval": 1, "test": 1}
    assert written.told() == []
    written.write()
    written.dataset.xml("s01.jpg", Box("cat", 9, 6, 40, 30))
    assert written.told() == ["s01.jpg: its box changed"]


def test_records_of_unknown_origin_are_not_spoken_of(written):
    written.dataset.xml("s01.jpg", Box("cat", 9, 6, 40, 30))
    shutil.rmtree(written.out / "plan")
    assert written.told() == []


def test_a_deleted_record_file_is_no_change_of_the_data(written):
    next(written.out.glob("eval-*.tfrecord")).unlink()
    assert written.told() == []
