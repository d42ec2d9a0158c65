"""What reruns after a change of the data, and after none: exactly the jobs that it needs, in the first run after it."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.workflow.work import (
    GROUND_TRUTH,
    SPLIT,
    described,
    everything,
    from_evaluation,
    from_training,
    planned,
    preview,
    records,
)


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished project, to be changed."""
    return finished.copy(tmp_path / "project")


def test_nothing_reruns_when_nothing_changed(project):
    assert planned(project) == set()


def test_touching_everything_reruns_nothing(project, checkout):
    project.checkout = checkout
    for folder in (project.folder, checkout):
        for path in folder.rglob("*"):
            os.utime(path)
    assert planned(project) == set()


def test_a_fresh_checkout_of_the_same_code_reruns_nothing(project, checkout):
    project.checkout = checkout
    assert planned(project) == set()


def test_keys_in_another_order_rerun_nothing(project):
    def turned(value):
        return {key: turned(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    project.config = turned(project.config)
    assert planned(project) == set()


# Photographs and annotations


def shard_of(project, name: str) -> str:
    """The shard that the last plan put a sample into."""
    found = [path.stem for path in (project / "results/data/plan").glob("*.jsonl") if f'"{name}"' in path.read_text()]
    assert len(found) == 1
    return found[0]


def sides_and_shards(project) -> dict[str, str]:
    plans = (project / "results/data/plan").glob("*.jsonl")
    return {json.loads(line)["name"]: path.stem for path in plans for line in path.read_text().splitlines()}


def names_of(project, side: str) -> list[str]:
    """The samples of a side, those in a nested folder first."""
    names = [name for name, shard in sides_and_shards(project).items() if shard.startswith(side)]
    return sorted(names, key=lambda name: (-name.count("/"), name))


def xml_of(project, name: str) -> Path:
    return (project / "photographs/annotations" / name).with_suffix(".xml")


def follows(shard: str) -> set[str]:
    """What reruns after a shard."""
    after = preview() | from_training(3, 6) if shard.startswith("train") else GROUND_TRUTH | from_evaluation(3, 6)
    return records(shard) | after | described()


def edit_annotation(path: Path) -> None:
    text = path.read_text()
    start = text.index("<xmin>") + len("<xmin>")
    end = text.index("<", start)
    path.write_text(f"{text[:start]}{int(text[start:end]) + 1}{text[end:]}")


@pytest.mark.parametrize("side", ["train", "eval"])
def test_an_annotation_edited_in_place(project, side):
    name = names_of(project, side)[-1]
    edit_annotation(xml_of(project, name))
    assert planned(project) == follows(shard_of(project, name))


def test_an_annotation_in_a_nested_folder_replaced_by_an_older_file(project):
    name = names_of(project, "train")[0]
    assert "/" in name
    path = xml_of(project, name)
    older = project / "older.xml"
    shutil.copy(path, older)
    edit_annotation(older)
    os.utime(older, (1e9, 1e9))
    shutil.copy2(older, path)  # as `cp -p` does
    assert path.stat().st_mtime == 1e9
    assert planned(project) == follows(shard_of(project, name))


@pytest.mark.parametrize("keep_times", [False, True])
def test_an_image_edited_in_place(project, keep_times):
    name = names_of(project, "train")[0]
    path = project / "photographs/images" / name
    times = path.stat()
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:2] + b"\xff\xfe\x00\x04hi" + data[2:])  # a comment
    if keep_times:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    # The split names every image with its hash.
    assert planned(project) == follows(shard_of(project, name)) | SPLIT


def add_sample(project, like: str, name: str) -> None:
    image = (project / "photographs/images" / like).read_bytes()
    (project / "photographs/images" / f"{name}.jpg").write_bytes(image[:2] + b"\xff\xfe\x00\x04hi" + image[2:])
    text = xml_of(project, like).read_text().replace(Path(like).name, f"{name}.jpg")
    xml_of(project, f"{name}.jpg").write_text(text)


def test_a_sample_added(project):
    before = sides_and_shards(project)
    add_sample(project, next(iter(before)), "brand_new")
    work = planned(project)
    after = sides_and_shards(project)
    assert {name: after[name] for name in before} == before
    assert work == follows(after["brand_new.jpg"]) | SPLIT


def test_a_sample_removed(project):
    before = sides_and_shards(project)
    name = names_of(project, "train")[-1]
    (project / "photographs/images" / name).unlink()
    xml_of(project, name).unlink()
    assert planned(project) == follows(before[name]) | SPLIT
    assert sides_and_shards(project) == {other: shard for other, shard in before.items() if other != name}


def test_a_sample_renamed_keeps_its_side(project):
    before = sides_and_shards(project)
    name = names_of(project, "eval")[-1]
    (project / "photographs/images" / name).rename(project / "photographs/images/renamed.jpg")
    text = xml_of(project, name).read_text().replace(Path(name).name, "renamed.jpg")
    xml_of(project, name).unlink()
    xml_of(project, "renamed.jpg").write_text(text)
    assert planned(project) == follows(before[name]) | SPLIT
    after = sides_and_shards(project)
    assert after.pop("renamed.jpg") == before.pop(name)
    assert after == before


def test_a_class_added(project):
    name = names_of(project, "train")[-1]
    path = xml_of(project, name)
    path.write_text(path.read_text().replace("</annotation>", OBJECT.format("ellipse") + "</annotation>"))
    # The new class comes last, so a shard without it stays as it is, to the bit.
    shards = records(shard_of(project, name))
    work = {"Writing the label map"} | shards | GROUND_TRUTH | described() | everything(3, 6)
    assert planned(project) == work
    label_map = (project / "results/data/label_map.pbtxt").read_text()
    assert (project / "results/data/plan/label_map.pbtxt").read_text().startswith(label_map)


OBJECT = "<object><name>{}</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>40</xmax><ymax>40</ymax></bndbox></object>"


def test_a_dry_run_says_in_words_what_changed(project):
    name = names_of(project, "train")[-1]
    edit_annotation(xml_of(project, name))
    for _ in range(2):  # the first dry run does not forget
        text = project.snakemake("--dry-run").text
        assert f"Changed since the last run:\n  - {name}: " in text and " changed\n" in text
        assert "To do: training of small (6 steps, about " in text and ", replaces 2 checkpoints), 1 shard of" in text
        jobs = next(line for line in text.splitlines() if " jobs (for each: changed: the data): " in line)
        assert "Training small up to step 3" in jobs and "Training small up to step 6" in jobs
        for hidden in ("Params have changed", "--rerun-triggers", "--cleanup-metadata", "{'data'"):
            assert hidden not in text
