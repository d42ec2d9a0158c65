"""Short names for the folders of a configuration."""

import itertools

import pytest

from boxwright.run import paths


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["holidays"], ["holidays"]),
        (["data/holidays/", "street"], ["holidays", "street"]),
        (["day1/images", "day2/images", "day3/images"], ["images", "day2-images", "day3-images"]),
        (["Images", "other/images"], ["Images", "other-images"]),
        (["Fotos März [1]", "写真"], ["Fotos-März-1", "写真"]),
        (["a", "./a", "a/"], ["a"]),
        (["/"], ["images"]),
        (["x" * 80], ["x" * 50]),
        (["x" * 80, "y" * 9 + "x" * 80], ["x" * 50, f"{'x' * 50}-2"]),
    ],
)
def test_a_folder_is_named_by_its_last_part(folders, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = paths.names_of(folders)
    assert list(found) == names
    if len(names) == len(folders):
        assert [folder.rstrip("/") for folder in found.values()] == [folder.rstrip("/") for folder in folders]


def test_a_folder_that_is_added_renames_no_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folders in itertools.permutations(["a/images", "b/images", "a-images", "b/a/images"]):
        for count in range(1, len(folders)):
            before, after = (list(paths.names_of(folders[:most])) for most in (count, count + 1))
            assert after[:count] == before and len(set(after)) == count + 1


def test_the_working_folder_has_its_own_name(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    assert paths.names_of(["."]) == {"mine": "."}
    assert paths.names_of([".."]) == {tmp_path.name: ".."}
