"""Files that no format recognises and that may be meant as annotations."""

import pytest

from boxwright.dataset import meant
from boxwright.dataset.scan import File


def described(folder, files):
    """What is said about files of these names and texts."""
    for name, text in files.items():
        (folder / name).write_text(text)
    return meant.described([File(0, name, str(folder / name), f"{len(text)} 0") for name, text in files.items()])


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        (
            "a.json",
            '{"info": {}, "categories": {"label": {}}, "items": []}',
            "an object with the keys info, categories, it",
        ),
        (
            "a.json",
            '[{"metadata": {"name": "0.jpg"}, "instances": [], "objects": 1}]',
            "a list of objects with the keys me",
        ),
        ("a.json", '{"images": [}', "it is not valid JSON: line 1"),
        ("a.json", '{"name": "x", "version": 1}', ""),
        ("a.json", '["image"]', ""),
        ("a.txt", "30,30,40,40,cat\n1 2 3 4 dog", "its first line is '30,30,40,40,cat'"),
        ("a.txt", "a text about 4 images\n", ""),
        ("a.txt", "", ""),
        ("a.csv", "picture,kind\na,cat\n", "its first line is 'picture,kind'"),
        ("a.jsonl", '{"a": 1}\n{"a": 2}\n', """its first line is '{"a": 1}'"""),
        ("classes.txt", "1 2 3 4\n", ""),
        ("a.yaml", "names: [cat]\n", ""),
    ],
)
def test_a_file_that_may_be_meant_is_described(tmp_path, name, text, what):
    found = described(tmp_path, {name: text})
    assert len(found) == bool(what)
    assert all(one.startswith(f"{name}: ") and what in one for one in found)


def test_few_files_of_each_ending_are_named(tmp_path):
    files = {f"{number}.{ending}": "1,2,3,4\n" for number in range(5) for ending in ("txt", "csv")}
    said = ["0", "1", "2"]
    assert described(tmp_path, files) == [
        *(f"{number}.txt: its first line is '1,2,3,4'" for number in said),
        "and more that end in .txt",
        *(f"{number}.csv: its first line is '1,2,3,4'" for number in said),
        "and more that end in .csv",
    ]
