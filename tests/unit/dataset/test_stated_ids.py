"""The ids in the label map of a source's records: they are kept, or it is said which are not."""

import pytest
from tests import factories
from tests.unit.dataset.formats.test_main_formats import BOXES

from boxwright import tfrecord as frames
from boxwright.dataset import label_map, plan
from boxwright.dataset.samples import Box, Sample
from boxwright.records import example


def write(folder, ids, *classes, start=0):
    """Records with an image for each class, and the label map with these ids beside them."""
    folder.mkdir(exist_ok=True)
    with (folder / "all.record").open("wb") as file:
        for number, name in enumerate(classes * 3, start=start):
            sample = Sample(f"{number}.jpg", "", "", 64, 48, "jpeg", (), (Box(name, *BOXES["cat"]),))
            frames.write(file, example.to_example(sample, factories.photo(number), ids))
    items = [f'item {{ id: {number} name: "{name}" }}' for name, number in ids.items()]
    (folder / "label_map.pbtxt").write_text("\n".join(items))


def made(dataset, out, **changes):
    changes = {"images": None, "near_duplicates": False, **changes}
    return plan.make(dataset.settings(**changes), out)


def audit(out):
    return (out / "plan/import.tsv").read_text()


def test_ids_are_those_of_the_records(dataset, tmp_path, capsys):
    ids = {"zebra": 1, "cat": 2, "bird": 3, "dog": 5}  # there is no bird
    write(dataset.annotations, ids, "cat", "dog", "zebra")
    for _ in range(2):  # what was only planned is numbered in the same way again
        assert made(dataset, tmp_path, policies={}).classes == {"zebra": 1, "cat": 2, "dog": 5}
        dataset.xml("new.jpg")
        (dataset.annotations / "new.xml").unlink()
    assert label_map.read(tmp_path / "plan/label_map.pbtxt") == {"zebra": 1, "cat": 2, "dog": 5}
    assert "ids of classes" not in capsys.readouterr().err + audit(tmp_path)


def test_a_new_class_takes_its_id_where_that_is_free(dataset, tmp_path, capsys):
    write(dataset.annotations, {"zebra": 1, "cat": 2}, "cat", "zebra")
    made(dataset, tmp_path)
    (tmp_path / "label_map.pbtxt").write_bytes((tmp_path / "plan/label_map.pbtxt").read_bytes())
    write(dataset.annotations, {"bird": 1, "cat": 2, "dog": 7}, "cat", "bird", "dog", start=10)
    assert made(dataset, tmp_path).classes == {"zebra": 1, "cat": 2, "dog": 7, "bird": 8}
    told = "bird has the id 8 here and 1 there"
    assert told in capsys.readouterr().err and told in audit(tmp_path)


def test_a_renamed_class_keeps_the_id(dataset, tmp_path):
    write(dataset.annotations, {"zebra": 1, "cat": 2, "kitten": 3}, "cat", "zebra", "kitten")
    rename = {"zebra": "horse", "kitten": "cat"}
    assert made(dataset, tmp_path, classes={"rename": rename}).classes == {"horse": 1, "cat": 2}


def test_a_given_label_map_goes_before(dataset, tmp_path, capsys):
    write(dataset.annotations, {"zebra": 1, "cat": 2}, "cat", "zebra")
    given = tmp_path / "map.pbtxt"
    given.write_text('item { id: 1 name: "cat" } item { id: 2 name: "zebra" }')
    assert made(dataset, tmp_path / "out", label_map=str(given)).classes == {"cat": 1, "zebra": 2}
    assert "zebra has the id 2 here and 1 there, cat has the id 1 here and 2 there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ids", "classes", "says"),
    [
        ({"zebra": 0, "cat": 1}, {"cat": 1, "zebra": 2}, "0 is the background, but zebra has 0 there"),
        ({"zebra": 999_999, "cat": 2}, {"cat": 2, "zebra": 3}, "ids end at 100000, but that of zebra is beyond"),
    ],
)
def test_ids_that_no_detector_can_have(dataset, tmp_path, capsys, ids, classes, says):
    write(dataset.annotations, ids, "cat", "zebra")
    assert made(dataset, tmp_path).classes == classes
    assert says in capsys.readouterr().err and says in audit(tmp_path)


def test_label_maps_that_contradict_each_other(dataset, tmp_path, capsys):
    """Names decide which class is which; ids that only one map has are kept."""
    write(dataset.annotations / "one", {"zebra": 1, "cat": 2, "dog": 3}, "cat", "zebra", "dog")
    write(dataset.annotations / "two", {"cat": 1, "zebra": 2, "dog": 3}, "cat", "zebra", start=20)
    assert made(dataset, tmp_path).classes == {"dog": 3, "cat": 4, "zebra": 5}
    assert "contradict each other about cat, zebra" in capsys.readouterr().err


def test_ids_of_which_few_are_in_use(dataset, tmp_path, capsys):
    """A detector has a column for each id up to the last one: 600 columns for two classes are not taken unasked."""
    write(dataset.annotations, {"zebra": 600, "cat": 2}, "cat", "zebra")
    assert made(dataset, tmp_path).classes == {"cat": 1, "zebra": 2}
    assert "zebra has the id 2 here and 600 there, cat has the id 1" in (told := capsys.readouterr().err)
    assert "`dataset.label_map` has to ask for them" in told
