"""Checksums of finished results: sizes for whoever plans, checksums for whoever reads."""

import json
import shutil

import pytest

from boxwright.console.checksums import Checksums
from boxwright.core.errors import UserError


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def checksums(results):
    results.mkdir()
    return Checksums(results)


def write(path, data: bytes):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_file_that_was_not_touched_is_fine(checksums, results):
    label_map = write(results / "data/label_map.pbtxt", b"item {}")
    checksums.write([label_map])
    assert checksums.complaint(label_map) == ""
    checksums.verify(label_map)


@pytest.mark.parametrize("damage", [b"item", b"item {}more"])
def test_another_size(checksums, results, damage):
    label_map = write(results / "data/label_map.pbtxt", b"item {}")
    checksums.write([label_map])
    label_map.write_bytes(damage)
    assert checksums.complaint(label_map) == f"{label_map} has {len(damage)} bytes instead of 7"
    with pytest.raises(UserError, match=r"label_map.pbtxt is damaged.*run again"):
        checksums.verify(label_map)


def test_a_flipped_bit_is_for_those_who_read_the_file(checksums, results):
    label_map = write(results / "data/label_map.pbtxt", b"item {}")
    checksums.write([label_map])
    label_map.write_bytes(b"item {|")
    assert checksums.complaint(label_map) == ""
    with pytest.raises(UserError, match="is damaged"):
        checksums.verify(label_map)


def test_a_file_that_is_gone(checksums, results):
    label_map = write(results / "data/label_map.pbtxt", b"item {}")
    checksums.write([label_map])
    label_map.unlink()
    assert checksums.complaint(label_map) == f"{label_map} is gone"
    with pytest.raises(UserError, match=r"label_map.pbtxt is missing. Run again"):
        checksums.verify(label_map)


def test_each_file_of_a_folder_counts(checksums, results):
    folder = results / "models/a/predictions"
    write(folder / "one.jpg", b"1")
    two = write(folder / "nested/two.jpg", b"22")
    checksums.write([folder])
    assert checksums.complaint(folder) == ""
    write(folder / "notes.txt", b"somebody's own")
    assert checksums.complaint(folder) == ""
    two.write_bytes(b"2")
    assert checksums.complaint(folder) == f"{two} has 1 bytes instead of 2"
    two.unlink()
    assert checksums.complaint(folder) == f"{two} is gone"


def test_an_empty_folder_is_a_result_too(checksums, results):
    (results / "predictions").mkdir()
    checksums.begin([results / "predictions"])
    checksums.write([results / "predictions"])
    assert checksums.complaint(results / "predictions") == ""


def test_undeclared_files_belong_to_the_first_output(checksums, results):
    train = results / "models/a/train"
    index, data = write(train / "model.ckpt-5.index", b"i"), write(train / "model.ckpt-5.data-00000-of-00001", b"data")
    events = write(train / "events.out.tfevents.5", b"events")
    checksums.write([index, data], [events])
    events.write_bytes(b"")
    assert checksums.complaint(index) == f"{events} has 0 bytes instead of 6"
    assert checksums.complaint(data) == ""


def test_records_and_checkpoints_are_left_to_their_readers(checksums, results):
    shard = write(results / "data/train-00000-of-00001.tfrecord", b"record")
    checksums.write([shard])
    shard.write_bytes(b"reCord")
    checksums.verify(shard)
    shard.write_bytes(b"rec")
    with pytest.raises(UserError, match="damaged"):
        checksums.verify(shard)


def test_what_lies_elsewhere_or_has_no_receipt_is_not_judged(checksums, results, tmp_path):
    elsewhere = write(tmp_path / "resources/model.ckpt", b"weights")
    checksums.write([elsewhere])
    assert not list(tmp_path.rglob("*.json"))
    checksums.verify(elsewhere)
    assert checksums.complaint(results / "data/never_made.txt") == ""


def test_what_was_begun_and_not_finished_is_made_again(checksums, results):
    label_map = write(results / "data/label_map.pbtxt", b"item {}")
    checksums.begin([label_map])
    assert checksums.complaint(label_map) == f"{label_map} was left unfinished"
    checksums.verify(label_map)  # there is nothing to compare it with
    checksums.write([label_map])
    assert checksums.complaint(label_map) == ""
    checksums.begin([label_map])
    label_map.unlink()
    assert checksums.complaint(label_map) == f"{label_map} was left unfinished"


def test_what_a_result_was_made_with(checksums, results):
    label_map = write(results / "data/label_map.pbtxt", b"item {}")
    assert checksums.made_with(label_map) == {}
    checksums.write([label_map], made_with={"identity": {"seed": 1}})
    assert checksums.made_with(label_map) == {"identity": {"seed": 1}}
    assert checksums.complaint(label_map) == ""
    assert checksums.keeps(label_map) and not checksums.keeps(results.parent / "elsewhere")


def test_a_receipt_of_an_earlier_release_holds_the_files_alone(checksums, results):
    label_map = write(results / "data/label_map.pbtxt", b"item {}")
    checksums.write([label_map])
    [receipt] = results.rglob("*.json")
    receipt.write_text(json.dumps(json.loads(receipt.read_text())["files"]))
    assert checksums.made_with(label_map) == {} and checksums.complaint(label_map) == ""
    label_map.write_bytes(b"item")
    assert checksums.complaint(label_map) == f"{label_map} has 4 bytes instead of 7"


@pytest.mark.parametrize(
    "damage", [b"[]", b"7", b'"x"', b"{", b'{"files": 3}', b'{"a": 1}', b'{"files": {"a": ["x", null]}}', b"\xff\xfe"]
)
def test_a_damaged_receipt_is_as_none(checksums, results, damage):
    label_map = write(results / "data/label_map.pbtxt", b"item {}")
    checksums.write([label_map], made_with={"identity": 1})
    [receipt] = results.rglob("*.json")
    receipt.write_bytes(damage)
    assert checksums.made_with(label_map) == {} and checksums.complaint(label_map) == ""
    checksums.verify(label_map)


@pytest.mark.parametrize(
    "damage", ["[1, 2]", '{"x": 5}', '{"files": {"a": 1}}', "{", "5", '{"files": []}', "\0\0", "[" * 10**5]
)
def test_a_damaged_receipt_tells_nothing_and_is_told(checksums, results, damage):
    label_map = write(results / "data/label_map.pbtxt", b"item {}")
    folder = results / "models/a/predictions"
    folder.mkdir(parents=True)
    checksums.write([label_map, folder], made_with={"identity": {"seed": 1}})
    assert not checksums.is_damaged(label_map) and not checksums.is_damaged(folder)
    (results / ".checksums/data/label_map.pbtxt.json").write_text(damage)
    assert checksums.is_damaged(label_map)
    assert checksums.complaint(label_map) == "" and not checksums.is_unfinished(label_map)
    assert checksums.made_with(label_map) == {}
    checksums.verify(label_map)
    checksums.begin([label_map])
    assert not checksums.is_damaged(label_map) and checksums.is_unfinished(label_map)


@pytest.mark.parametrize("name", ["x" * 300, "nul\0", ".", "[" * 5000 + "/a"])
def test_a_receipt_with_an_impossible_name_is_of_a_file_that_is_gone(checksums, results, name):
    output = results / "a.txt"
    output.write_text("a")
    checksums.write([output])
    receipt = results / ".checksums" / "a.txt.json"
    receipt.write_text(json.dumps({"files": {name: [1, "00000000"]}, "made_with": {}}))
    assert checksums.complaint(output).endswith("is gone")
    with pytest.raises(UserError, match="is missing"):
        checksums.verify(output)


def test_a_folder_that_is_gone_is_named_and_not_each_file(checksums, results):
    made = [results / "models/m/detector" / name for name in ("a.pb", "b/c.pb")]
    for path in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    checksums.write(made)
    shutil.rmtree(results / "models/m/detector")
    assert {checksums.complaint(path) for path in made} == {f"{results / 'models/m/detector'} is gone"}
