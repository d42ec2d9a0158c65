"""Label maps: the OD API's format, ids from 1, kept for ever."""

import pytest

from boxwright import protos
from boxwright.core.errors import UserError
from boxwright.dataset import label_map


def write(tmp_path, text):
    path = tmp_path / "label_map.pbtxt"
    path.write_text(text, encoding="utf-8")
    return path


def test_first_ids_are_alphabetical_and_kept():
    first = label_map.extend({}, ["zebra", "cat", "cat"])
    assert first == {"cat": 1, "zebra": 2}
    assert label_map.extend(first, ["dog", "ant", "cat"]) == {"cat": 1, "zebra": 2, "ant": 3, "dog": 4}
    assert label_map.extend(first, []) == first


def test_what_is_written_is_read(tmp_path):
    mapping = {'with "quotes" and \\': 1, "été": 2, "white blood cell": 3, "日本 語": 4}
    label_map.write(tmp_path / "label_map.pbtxt", mapping)
    assert label_map.read(tmp_path / "label_map.pbtxt") == mapping
    text = (tmp_path / "label_map.pbtxt").read_text(encoding="utf-8")
    assert 'name: "été"' in text and 'display_name: "été"' in text


def test_forms_that_people_write(tmp_path):
    text = """# my classes
    item { id: 2, name: 'dog'; display_name: "Hund" }
    item {
      name: "cat"
      id: 1
    }
    item: < id: 3 display_name: "bird" >
    """
    path = write(tmp_path, text)
    assert list(label_map.read(path).items()) == [("cat", 1), ("dog", 2), ("bird", 3)]
    assert label_map.read_aliases(path) == {"Hund": "dog"}


def test_binary_form(tmp_path):
    message = protos.StringIntLabelMap()
    message.item.add(name="cat", id=1)
    message.item.add(name="dog", id=2)
    path = tmp_path / "label_map.pb"
    path.write_bytes(message.SerializeToString())
    assert label_map.read(path) == {"cat": 1, "dog": 2}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('item { id: 0 name: "cat" }', "'cat' has id 0"),
        ('item { name: "cat" }', "'cat' has id 0"),
        ('item { id: -3 name: "cat" }', "'cat' has id -3"),
        ('item { id: 1 name: "cat" } item { id: 1 name: "dog" }', "'cat' and 'dog' share id 1"),
        ('item { id: 1 name: "cat" } item { id: 2 name: "cat" }', "'cat' is listed twice"),
        ('item { id: 1 name: "cat" } item { id: 1000000000 name: "dog" }', "'dog' has id 1000000000"),
        ('item { id: 1 name: "a b" } item { id: 2 name: "a\\n b" }', "'a b' is listed twice, with ids 1 and 2"),
        ('item { id: 1 name: "caf\u00e9" } item { id: 2 name: "cafe\u0301" }', "is listed twice"),
        ('item { id: 1 name: "\\001" }', "id 1 has no name"),
        ("item { id: 1 }", "id 1 has no name"),
        ("", "no class"),
        ("# nothing", "no class"),
    ],
)
def test_maps_that_mislead_are_refused(tmp_path, text, says):
    with pytest.raises(UserError) as error:
        label_map.read(write(tmp_path, text))
    assert says in str(error.value)
    assert "label_map.pbtxt" in str(error.value)


def test_all_mistakes_are_told_at_once(tmp_path):
    text = 'item { id: 0 name: "a" } item { id: 5 name: "b" } item { id: 5 name: "c" }'
    with pytest.raises(UserError) as error:
        label_map.read(write(tmp_path, text))
    assert all(part in str(error.value) for part in ("id 0", "share id 5"))


def test_ids_may_have_gaps(tmp_path):
    """COCO's 80 classes are numbered up to 90."""
    path = write(tmp_path, 'item { id: 1 name: "person" } item { id: 90 name: "toothbrush" }')
    assert label_map.read(path) == {"person": 1, "toothbrush": 90}


@pytest.mark.parametrize("text", ["item { idd: 1 }", "cat\ndog\n", "{'cat': 1}"])
def test_other_files_are_named(tmp_path, text):
    with pytest.raises(UserError, match="is not a label map: line 1"):
        label_map.read(write(tmp_path, text))
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UserError, match="is not a label map"):
        label_map.read(tmp_path / "noise")
    with pytest.raises(UserError, match="cannot be read"):
        label_map.read(tmp_path / "missing.pbtxt")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            'item { id: 1 name: "a"\nitem { id: 2 name: "b" }',
            "line 2: an item begins here, but that of line 1 is still open, so it lacks its `}`",
        ),
        (
            'item {\n  id: 1\n}\n\nitem {\n  id: 2\n  name: "item"\nitem {\n  id: 3\n}\n',
            "line 8: an item begins here, but that of line 5 is still open, so it lacks its `}`",
        ),
        ('item { id: 1 name: "a"\n', "line 1: the text ends, but its last item is still open, so it lacks its `}`"),
        ("RBC\nWBC\n", 'line 1, column 1: no field has the name "RBC"'),
        ("item { id: 1 }}", "line 1, column 15: 'item { id: 1 }}': Expected identifier or number, got }"),
    ],
)
def test_what_is_wrong_with_a_text(tmp_path, text, says):
    with pytest.raises(UserError) as error:
        label_map.read(write(tmp_path, text))
    assert str(error.value).partition(" is not a label map: ")[2].startswith(f"{says}. It must contain items")


def test_binary_names_that_are_not_utf_8(tmp_path):
    for field in (b"\x0a", b"\x22"):  # name, display_name
        item = field + b"\x01\xff\x10\x01"
        (tmp_path / "map").write_bytes(b"\x0a" + bytes([len(item)]) + item)
        with pytest.raises(UserError, match="is not a label map"):
            label_map.read(tmp_path / "map")


def test_names_are_clean(tmp_path):
    first = 'item { id: 2 name: "cafe\u0301" display_name: " le\\n caf\u00e9 " }'
    path = write(tmp_path, first + 'item { id: 1 name: "a\\tb" }')
    assert label_map.read(path) == {"a b": 1, "caf\u00e9": 2}
    assert label_map.read_aliases(path) == {"le caf\u00e9": "caf\u00e9"}


def test_what_is_too_large_is_no_label_map(tmp_path):
    path = tmp_path / "large.pbtxt"
    with path.open("wb") as file:
        file.truncate(10**10)  # takes no space
    with pytest.raises(UserError, match="more than 16 MB"):
        label_map.read(path)


CAT, DOG = 'item { id: 1 name: "cat" }', 'item { id: 1 name: "dog" }'


@pytest.mark.parametrize("name", ["mscoco_label_map.pbtxt", "labels.pbtxt", "classes.txt", "map", "label_map.pb"])
def test_the_label_map_beside_a_checkpoint_may_have_any_name(tmp_path, name):
    assert label_map.beside(tmp_path / "model.ckpt") is None
    for other in ("checkpoint", "model.ckpt.index", "pipeline.config", "graph.pbtxt", "labels.csv", "frozen.pb"):
        (tmp_path / other).write_text('\nmodel_checkpoint_path: "item"\n')
    assert label_map.beside(tmp_path) is None
    message = protos.StringIntLabelMap()
    message.item.add(name="cat", id=1)
    (tmp_path / name).write_bytes(message.SerializeToString() if name.endswith(".pb") else CAT.encode())
    for checkpoint in (tmp_path, tmp_path / "model.ckpt", tmp_path / "frozen.pb"):
        assert label_map.beside(checkpoint) == tmp_path / name
    assert label_map.of_checkpoint(tmp_path / "model.ckpt") == {"cat": 1}


def test_several_label_maps_beside_a_checkpoint(tmp_path):
    (tmp_path / "a.pbtxt").write_text(CAT)
    (tmp_path / "b.pbtxt").write_text(f"# the same\n{CAT}")
    assert label_map.beside(tmp_path) == tmp_path / "a.pbtxt"
    (tmp_path / "b.pbtxt").write_text(DOG)
    assert label_map.beside(tmp_path) is None
    (tmp_path / "my_label_map.pbtxt").write_text(DOG)
    assert label_map.beside(tmp_path) == tmp_path / "my_label_map.pbtxt"
    (tmp_path / "other_label_map.pbtxt").write_text(CAT)
    assert label_map.beside(tmp_path) is None


def test_a_broken_label_map_beside_a_checkpoint_is_told(tmp_path):
    (tmp_path / "label_map.pbtxt").write_text('item { id: 1000000000 name: "cat" }')
    with pytest.raises(UserError, match="1000000000"):
        label_map.of_checkpoint(tmp_path / "model.ckpt")


def test_classes_of_a_checkpoint_go_by_both_names(tmp_path):
    assert label_map.of_checkpoint(tmp_path / "model.ckpt") is None
    (tmp_path / "coco_label_map.pbtxt").write_text(
        'item { name: "/m/01g317" id: 1 display_name: "person" } item { name: "dog" id: 18 }'
    )
    known = label_map.of_checkpoint(tmp_path / "model.ckpt")
    assert known == {"/m/01g317": 1, "person": 1, "dog": 18}
