"""Files and folders that appear whole or not at all."""

import os

import pytest

from boxwright.core import files
from boxwright.core.errors import UserError


def test_a_file_appears_whole(tmp_path):
    path = tmp_path / "deep" / "down.txt"
    with files.writing(path, "w") as file:
        file.write("one\n")
        assert not path.exists()
    assert path.read_bytes() == b"one\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["down.txt"]


@pytest.mark.parametrize("name", ["x" * 255, "ö" * 127])
def test_a_file_with_the_longest_name(tmp_path, name):
    with files.writing(tmp_path / name) as file:
        file.write(b"one")
    with files.whole_folder(tmp_path / "deep" / name) as folder:
        (folder / name).write_bytes(b"two")
    assert (tmp_path / name).read_bytes() == b"one" and (tmp_path / "deep" / name / name).read_bytes() == b"two"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["deep", name])


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ValueError), files.writing(path) as file:
        file.write(b"new and half")
        raise ValueError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_copy_appears_whole(tmp_path):
    (tmp_path / "plan.tsv").write_bytes(bytes(range(256)) * 1000)
    files.copy(tmp_path / "plan.tsv", tmp_path / "deep/result.tsv")
    assert (tmp_path / "deep/result.tsv").read_bytes() == bytes(range(256)) * 1000
    with pytest.raises(FileNotFoundError):
        files.copy(tmp_path / "gone.tsv", tmp_path / "deep/result.tsv")
    assert (tmp_path / "deep/result.tsv").stat().st_size == 256_000


def test_equal_bytes_keep_the_files_time(tmp_path):
    path = tmp_path / "file"
    assert files.write_if_changed(path, b"same")
    os.utime(path, (1, 1))
    assert not files.write_if_changed(path, b"same")
    assert path.stat().st_mtime == 1
    assert files.write_if_changed(path, b"else")


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "predictions"
    stale = tmp_path / ".predictions.1.tmp"
    stale.mkdir()
    with pytest.raises(RuntimeError), files.whole_folder(target) as folder:
        (folder / "half").write_text("")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    for content in ("one", "two"):
        with files.whole_folder(target) as folder:
            (folder / content).write_text(content)
        assert [path.name for path in target.iterdir()] == [content]
    assert list(tmp_path.iterdir()) == [target]


def test_entries_of_a_folder_appear_whole_beside_the_others(tmp_path):
    target = tmp_path / "fine_tuned_model"
    (target / "graph").mkdir(parents=True)
    (target / "graph/old").write_text("old")
    (target / "label_map.pbtxt").write_text("cat")
    with pytest.raises(RuntimeError), files.whole_entries(target, ["graph/", "deep/weights"]) as folder:
        (folder / "graph").mkdir()
        raise RuntimeError
    assert (target / "graph/old").read_text() == "old" and list(tmp_path.iterdir()) == [target]
    at_work = tmp_path / ".fine_tuned_model.detector.tflite.1.tmp"  # another job's
    at_work.mkdir()
    with files.whole_entries(target, ["graph/", "deep/weights"]) as folder:
        for name in ("graph", "deep"):
            (folder / name).mkdir()
        (folder / "graph/new").write_text("new")
        (folder / "deep/weights").write_text("1")
        assert (target / "graph/old").exists() and not (target / "deep").exists()
    found = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert found == {"graph/new", "deep/weights", "label_map.pbtxt"}
    assert set(tmp_path.iterdir()) == {target, at_work}


def test_json_of_a_run_is_read_back_or_refused_in_words(tmp_path):
    path = tmp_path / "choice.json"
    files.write_json(path, {"step": 3})
    assert files.read_json(path) == {"step": 3}
    path.write_text('{"a": 1}\n{"a": 2}\n')
    assert files.read_json_lines(path) == [{"a": 1}, {"a": 2}]
    for damage in (b"", b"{", b"\xff\xfe\0", b'{"step": 3}\0', b"[" * 10**5):
        path.write_bytes(damage)
        with pytest.raises(UserError, match=r"choice\.json is damaged .*Delete it and run again"):
            files.read_json(path)


@pytest.mark.parametrize("damage", ["", "{", "\0", "[" * 100_000, '{"a": ' * 100_000])
def test_json_that_is_damaged_or_nested_without_end(tmp_path, damage):
    with pytest.raises(ValueError):
        files.parse_json(damage)
    (tmp_path / "a.json").write_text(damage)
    with pytest.raises(UserError, match=r"a\.json is damaged .* Delete it and run again"):
        files.read_json(tmp_path / "a.json")
