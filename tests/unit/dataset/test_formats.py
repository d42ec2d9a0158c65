"""A further annotation format: a module and an entry in the list, and whoever does not use it does not notice.

The library is copied, changed and asked in a process of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests import factories

from boxwright.catalog import formats as catalogue
from boxwright.core import code
from boxwright.dataset import formats, plan
from boxwright.dataset.samples import Box

# One file speaks of many images, in shares of their sides.
TOY = """
import json

from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box
from boxwright.dataset.statements import NORMALISED, Reading, Statement


def sniff(head, name):
    return head.startswith(b"<toys>")


def read(data, beside):
    try:
        images = json.loads(data.removeprefix(b"<toys>"))
    except ValueError as error:
        raise UserError(f"it is no toy: {error}") from error
    names = json.loads(next(iter(beside.values()), b"{}"))
    return Reading(
        [
            Statement(
                one["name"],
                *one.get("size", (0, 0)),
                tuple(Box(names.get(name, name), *box) for name, *box in one["boxes"]),
                NORMALISED,
            )
            for one in images
        ]
    )
"""
SCRIPT = """
import json, os, sys
from boxwright.dataset import plan, reading
settings, out = json.loads(sys.argv[1]), sys.argv[2]
read, anew, inspect, new = [], [], reading.inspect, plan._Planner.new
reading.inspect = lambda work, label="": read.extend(work) or inspect(work, label)
plan._Planner.new = lambda planner: anew.append(1) or new(planner)
made = plan.make(settings, out)
print(json.dumps({"identities": made.identities, "counts": made.counts, "anew": bool(anew),
                  "read": sorted([kind, os.path.basename(path)] for kind, path, *_ in read)}))
"""
LIST_START = "FORMATS = (\n    VOC,"


class Library:
    """A copy of the library."""

    def __init__(self, folder: Path) -> None:
        self.package = folder / "boxwright"
        shutil.copytree(code.PACKAGE, self.package, ignore=shutil.ignore_patterns("__pycache__"))

    def edit(self, module: str, old: str, new: str) -> None:
        path = self.package / module
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def add_toys(self, ending: str) -> None:
        """The toy format as a user of the library would add it."""
        (self.package / "dataset/formats/toys.py").write_text(TOY)
        entry = f'Format("Toys", "boxwright.dataset.formats.toys", ("{ending}",), "toys", beside=("toys.names",)),'
        self.edit("catalog/formats.py", LIST_START, f"{LIST_START}\n    {entry}")

    def plan(self, settings: dict, out: Path) -> dict:
        """The plan's identities and counts, the files that were read, and whether it was planned anew."""
        environment = {**os.environ, "PYTHONPATH": str(self.package.parent)}
        command = [sys.executable, "-c", SCRIPT, json.dumps(settings), str(out)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def library(tmp_path):
    return Library(tmp_path / "library")


def toys(*images: tuple[str, tuple[int, int], list]) -> str:
    return "<toys>" + json.dumps([{"name": name, "size": size, "boxes": boxes} for name, size, boxes in images])


def merged(dataset, **sources: str) -> dict:
    """Settings in which annotations of several formats, by key, are about the same folder of images."""
    images = [str(dataset.images)]
    given = [{"images": images, "annotations": [place], "format": key} for key, place in sources.items()]
    return dataset.settings(near_duplicates=False, images=None, annotations=None, sources=given)


def test_one_file_with_normalised_boxes_of_many_images(library, dataset, tmp_path):
    """Boxes come in pixels of the upright image, whatever the unit, and defects name the file and the image."""
    from tests.unit.dataset.test_defects import findings, samples

    library.add_toys(".json")
    dataset.fill(4)  # these are Pascal VOC
    for number in range(4):
        dataset.image(f"sub/t{number}.jpg")
    dataset.image("turned.jpg", factories.photo(1, orientation=6))
    (dataset.annotations / "all.json").write_text(
        toys(
            ("sub/t0.jpg", (64, 48), [["cat", 0.25, 0.5, 0.5, 1.0]]),
            ("t1.jpg", (0, 0), [["cat", 0.25, 0.5, 0.5, 1.0], ["dog", 0.5, 0.0, 0.25, 1.0]]),
            ("t2.jpg", (640, 480), [["dog", 0.0, 0.0, 1.5, 1.0]]),
            ("t3.jpg", (64, 48), []),
            ("turned.jpg", (64, 48), [["cat", 0.25, 0.5, 0.5, 1.0]]),
            ("gone.jpg", (64, 48), []),
        )
    )
    out = tmp_path / "out"
    made = library.plan(merged(dataset, voc=str(dataset.annotations), toys=str(dataset.annotations)), out)
    assert made["counts"]["found"] == {"images": 9, "annotations": 10}
    left = {name: sample.boxes for name, sample in samples(out).items()}
    assert left["sub/t0.jpg"] == (Box("cat", 16, 24, 32, 48),)
    assert left["sub/t1.jpg"] == (Box("cat", 16, 24, 32, 48),)
    assert left["sub/t2.jpg"] == (Box("dog", 0, 0, 64, 48),)
    assert left["sub/t3.jpg"] == ()
    assert left["turned.jpg"] == (Box("cat", 0, 16, 24, 32),)
    assert [(case.file, case.box.partition(" [")[0], case.defect) for case in findings(out / "plan/checks.tsv")] == [
        ("all.json (gone.jpg)", "", "annotation_without_image"),
        ("all.json (t1.jpg)", "2: dog", "box_inverted"),
        ("all.json (t2.jpg)", "", "size_mismatch"),
        ("all.json (t2.jpg)", "1: dog", "box_outside"),
        ("turned.jpg", "", "exif_rotation"),
    ]


@pytest.mark.parametrize("ending", [".json", ".xml"])
def test_a_further_format_reads_nothing_again_and_changes_no_identity(library, dataset, tmp_path, ending):
    dataset.fill(6)
    settings = dataset.settings(near_duplicates=False)
    before = library.plan(settings, tmp_path / "out")
    assert before["anew"] and len(before["read"]) == 12
    library.add_toys(ending)
    after = library.plan(settings, tmp_path / "out")
    assert after["read"] == [] and not after["anew"]
    assert after["identities"] == before["identities"]
    os.utime(dataset.images / "s00.jpg")
    assert library.plan(settings, tmp_path / "out")["read"] == [["image", "s00.jpg"]]
    assert library.plan(settings, tmp_path / "anew")["identities"] == before["identities"]


def test_what_explains_an_annotation_is_part_of_what_it_says(library, dataset, tmp_path):
    """In its own folder or above, and another name of a class reads the file again and nothing else."""
    library.add_toys(".json")
    (dataset.annotations / "sub").mkdir()
    for number in range(4):
        dataset.image(f"t{number}.jpg")
        one = toys((f"t{number}.jpg", (64, 48), [["1", 0.5, 0.5, 1, 1]]))
        (dataset.annotations / f"sub/{number}.json").write_text(one)
    names = dataset.folder / "toys.names"
    names.write_text('{"1": "cat"}')
    settings = dataset.settings(near_duplicates=False)
    before = library.plan(settings, tmp_path / "out")
    assert before["counts"]["train"]["classes"] == {"cat": 3}
    assert not library.plan(settings, tmp_path / "out")["anew"]
    names.write_text('{"1": "goat"}')
    after = library.plan(settings, tmp_path / "out")
    assert after["counts"]["train"]["classes"] == {"goat": 3}
    assert after["read"] == [["toys", f"{number}.json"] for number in range(4)]
    (dataset.annotations / "sub/toys.names").write_text('{"1": "nearer"}')
    assert library.plan(settings, tmp_path / "out")["counts"]["train"]["classes"] == {"nearer": 3}


def test_a_reader_that_changed_reads_its_own_files_again_and_no_others(library, dataset, tmp_path):
    library.add_toys(".json")
    dataset.fill(3)
    dataset.image("toy.jpg")
    (dataset.annotations / "all.json").write_text(toys(("toy.jpg", (64, 48), [["cat", 0.5, 0.5, 1, 1]])))
    settings = merged(dataset, voc=str(dataset.annotations), toys=str(dataset.annotations / "all.json"))
    before = library.plan(settings, tmp_path / "out")
    images = [["image", name] for name in ("s00.jpg", "s01.jpg", "s02.jpg", "toy.jpg")]
    annotations = [["voc", name] for name in ("s00.xml", "s01.xml", "s02.xml")]
    assert before["read"] == [*images, ["toys", "all.json"], *annotations]
    for module, old, new, read in (
        (
            "dataset/formats/toys.py",
            "def read(data, beside):",
            "def read(data, beside):\n    data = bytes(data)",
            [["toys", "all.json"]],
        ),
        ("dataset/formats/voc.py", '_YES = ("1",', '_YES = ("1", "y",', annotations),
        ("images/headers.py", "the file holds only zeros", "the file holds nothing but zeros", images),
        ("dataset/formats/voc.py", "# The tags of a point", "# The names of a point", []),
        ("dataset/pairing.py", "import defaultdict", "import Counter, defaultdict", []),
    ):
        library.edit(module, old, new)
        after = library.plan(settings, tmp_path / "out")
        assert after["read"] == read, module
        assert after["identities"] == before["identities"]


def test_no_import_leads_to_a_format():
    """Formats are imported by their entries, so that one which is not in use is no part of an identity."""
    for module in ("plan", "decide", "checks", "pairing", "annotation_facts", "image_facts"):
        reached = code.reach(f"boxwright.dataset.{module}")
        assert not [path for path in reached if path.startswith("dataset/formats/") and "__init__" not in path], module
        assert not [path for path in reached if path.startswith("catalog/")]


@pytest.mark.parametrize("entry", catalogue.FORMATS, ids=lambda entry: entry.key)
def test_an_entry_of_the_list_is_a_format(entry):
    ((key, module),) = formats._modules(entry.key)
    assert key == entry.key and callable(module.read) and callable(module.sniff) and entry.name and entry.sign
    assert all(ending == ending.lower() and ending.rindex(".") == 0 for ending in entry.endings)


def test_a_list_of_the_split_may_name_annotations(dataset, tmp_path):
    dataset.fill(4)
    train, held = tmp_path / "train.txt", tmp_path / "eval.txt"
    train.write_text("s00.xml\ns01.XML\n")
    held.write_text("s02.jpg\ns03\n")
    split = {"eval_fraction": 0.2, "seed": 0, "train": str(train), "eval": str(held)}
    made = plan.make(dataset.settings(split=split), tmp_path / "out")
    assert (made.counts["train"]["images"], made.counts["eval"]["images"]) == (2, 2)
