"""The plan: exact identities, memory of sides and ids, nothing read twice."""

import itertools
import json
import os
import shutil

import pytest
from tests import factories

from boxwright.core import files
from boxwright.core.errors import UserError
from boxwright.dataset import label_map, manifest, memory, plan, reading, summary
from boxwright.dataset.samples import Box

CAT = Box("cat", 8, 6, 40, 30)
OURS = ("facts.txt", "stamp.json")  # they hold times and are nobody's input


def shards(made):
    return {name: value for name, value in made.identities.items() if "-of-" in name}


def changed(before, after):
    """The names of what changed, without the audit, whose sums change with every object."""
    names = (before.identities.keys() | after.identities.keys()) - {"import"}
    return {name for name in names if before.identities.get(name) != after.identities.get(name)}


def shard_of(out, name):
    (found,) = (path.stem for path in (out / "plan").glob("*.jsonl") if f'"name":"{name}"' in path.read_text())
    return found


def sides(out):
    return {
        sample.name: path.name.partition("-")[0]
        for path in (out / "plan").glob("*.jsonl")
        for sample in manifest.read(path)
    }


def state(folder):
    """Bytes and times of all files."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def nothing_is_read(monkeypatch):
    """Any attempt to read a file of the data set fails."""

    def refuse(work, label=""):
        assert not work, f"read again: {work}"
        return iter(())

    monkeypatch.setattr(reading, "inspect", refuse)


@pytest.fixture
def planned(dataset, tmp_path):
    dataset.fill(30)
    out = tmp_path / "out"
    return dataset, out, plan.make(dataset.settings(), out)


def test_what_is_planned(planned):
    _, out, made = planned
    assert sorted(made.identities) == [
        "checks", "eval-00000-of-00001", "import", "label_map", "split",
        *(f"train-0000{i}-of-00004" for i in range(4)),
    ]  # fmt: skip
    assert made.classes == {"cat": 1, "dog": 2}
    numbers = {"most_boxes": 1, "most_of_class": 1, "negatives": 0, "regions": 0}
    assert made.counts["train"] == {"images": 24, "boxes": 24, "classes": {"cat": 12, "dog": 12}, **numbers}
    assert made.counts["eval"] == {"images": 6, "boxes": 6, "classes": {"cat": 3, "dog": 3}, **numbers}
    samples = [sample for path in (out / "plan").glob("*.jsonl") for sample in manifest.read(path)]
    assert sorted(sample.name for sample in samples) == [f"s{i:02d}.jpg" for i in range(30)]
    for sample in samples:
        assert sample.sha256 == files.sha256_file(sample.image)
        assert (sample.width, sample.height, sample.format, sample.fixes) == (64, 48, "jpeg", ())
    for path in (out / "plan").glob("*.jsonl"):
        names = [sample.name for sample in manifest.read(path)]
        assert names == sorted(names)
    assert label_map.read(out / "plan/label_map.pbtxt") == made.classes
    assert (out / "plan/split.tsv").read_text().splitlines()[0] == "file\tside\tsha256"
    assert "The checks found nothing wrong" in made.summary and summary.is_calm(made.summary)


def test_load_gives_what_make_gave(planned, tmp_path):
    _, out, made = planned
    assert plan.load(out) == made
    with pytest.raises(UserError, match=r"The plan of the data set, .* is missing"):
        plan.load(tmp_path / "nowhere")


def test_nothing_changed(planned, nothing_is_read, monkeypatch):
    dataset, out, made = planned
    before = state(out)
    monkeypatch.setattr(plan._Planner, "new", lambda self: pytest.fail("planned anew"))
    assert plan.make(dataset.settings(), out) == made
    turned = dict(reversed(dataset.settings().items()))
    turned["split"] = dict(reversed(turned["split"].items()))
    assert plan.make(turned, out) == made
    assert state(out) == before


def test_touch_and_checkout_change_nothing(planned):
    """New times and inodes make files be read again, but the bytes are the same and so are all results."""
    dataset, out, made = planned
    before = state(out)
    for path in dataset.folder.rglob("*.*"):
        os.utime(path)
    assert plan.make(dataset.settings(), out) == made
    for path in list(dataset.folder.rglob("*.*")):
        copy = path.with_name("copy")
        shutil.copyfile(path, copy)
        copy.replace(path)
    assert plan.make(dataset.settings(), out) == made
    after = state(out)
    ours = ("facts.txt", "stamp.json")  # they hold times and are nobody's input
    assert {p: s for p, s in after.items() if p.name not in ours} == {
        p: s for p, s in before.items() if p.name not in ours
    }


def test_the_place_does_not_matter(planned, tmp_path, monkeypatch):
    dataset, _, made = planned
    shutil.copytree(dataset.folder, tmp_path / "moved")
    settings = dataset.settings(images="moved/images", annotations=["moved/annotations"])
    monkeypatch.chdir(tmp_path)
    moved = plan.make(settings, tmp_path / "other")
    assert moved.identities == made.identities
    found = next(iter(manifest.read(tmp_path / "other/plan/eval-00000-of-00001.jsonl")))
    assert found.image == f"moved/images/{found.name}"


def test_one_changed_annotation_changes_one_shard(planned):
    dataset, out, made = planned
    dataset.xml("s03.jpg", Box("dog", 9, 6, 40, 30))
    assert changed(made, plan.make(dataset.settings(), out)) == {shard_of(out, "s03.jpg")}


def test_what_does_not_count_in_an_annotation_changes_nothing(planned):
    dataset, out, made = planned
    path = dataset.annotations / "s03.xml"
    path.write_text(path.read_text().replace("<database>Unknown", "<!-- seen --><database>Mine"))
    assert changed(made, plan.make(dataset.settings(), out)) == set()


def test_one_changed_image_changes_one_shard(planned):
    dataset, out, made = planned
    dataset.image("s03.jpg", factories.photo(99))
    assert changed(made, plan.make(dataset.settings(), out)) == {shard_of(out, "s03.jpg"), "split"}


@pytest.mark.parametrize("how", ["cp -p", "same size and times"])
def test_an_edit_that_hides_its_time_is_seen(planned, tmp_path, how):
    dataset, out, made = planned
    path = dataset.annotations / "s03.xml"
    status, text = path.stat(), path.read_text()
    other = tmp_path / "older.xml"
    other.write_text(text.replace("<xmin>8<", "<xmin>7<"))
    if how == "cp -p":
        os.utime(other, (1_000_000, 1_000_000))
        shutil.copy2(other, path)
        assert path.stat().st_mtime == 1_000_000
    else:
        path.write_text(other.read_text())
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert changed(made, plan.make(dataset.settings(), out)) == {shard_of(out, "s03.jpg")}


def test_a_sample_added_removed_renamed(planned):
    dataset, out, made = planned
    first = sides(out)
    dataset.sample("deep/er/new.jpg", CAT)
    added = plan.make(dataset.settings(), out)
    assert changed(made, added) == {shard_of(out, "deep/er/new.jpg"), "split"}
    assert {name: side for name, side in sides(out).items() if name in first} == first

    home = shard_of(out, "s05.jpg")
    kept = [(path, path.read_bytes()) for path in (dataset.images / "s05.jpg", dataset.annotations / "s05.xml")]
    for path, _ in kept:
        path.unlink()
    removed = plan.make(dataset.settings(), out)
    assert changed(added, removed) == {home, "split"}
    for path, data in kept:
        path.write_bytes(data)
    assert changed(added, plan.make(dataset.settings(), out)) == set()  # it comes back to its old side

    home = shard_of(out, "s07.jpg")
    (dataset.images / "s07.jpg").rename(dataset.images / "renamed.jpg")
    (dataset.annotations / "s07.xml").unlink()
    dataset.xml("renamed.jpg", Box("dog", 8, 6, 40, 30))
    renamed = plan.make(dataset.settings(), out)
    assert changed(added, renamed) == {home, shard_of(out, "renamed.jpg"), "split"}
    assert sides(out)["renamed.jpg"] == first["s07.jpg"]


def test_adding_many_moves_nobody(planned):
    dataset, out, _ = planned
    first = sides(out)
    for index in range(100):
        dataset.sample(f"more/{index:03d}.jpg", Box(("cat", "dog", "emu")[index % 3], 8, 6, 40, 30))
    made = plan.make(dataset.settings(), out)
    after = sides(out)
    assert {name: after[name] for name in first} == first
    assert made.counts["eval"]["classes"] == {"cat": 10, "dog": 10, "emu": 7}  # of 49, 48 and 33


def test_the_memory_outlives_the_plan(planned):
    """Where plan/ was deleted the finished split.tsv and label_map.pbtxt say what was."""
    dataset, out, _ = planned
    for name in ("split.tsv", "label_map.pbtxt"):
        shutil.copy(out / "plan" / name, out / name)
    shutil.rmtree(out / "plan")
    first = sorted((out / "split.tsv").read_text().splitlines()[1:])
    dataset.sample("aaa.jpg", Box("ant", 8, 6, 40, 30))
    again = plan.make(dataset.settings(), out)
    assert again.classes == {"cat": 1, "dog": 2, "ant": 3}
    assert set(first) < set((out / "plan/split.tsv").read_text().splitlines())


def test_another_seed_or_share_draws_anew(planned):
    dataset, out, made = planned
    split = {"eval_fraction": 0.2, "seed": 1, "train": None, "eval": None}
    other = plan.make(dataset.settings(split=split), out)
    assert "split" in changed(made, other)
    more = plan.make(dataset.settings(split={**split, "eval_fraction": 0.5}), out)
    assert more.counts["eval"]["classes"] == {"cat": 8, "dog": 8}
    back = plan.make(dataset.settings(), out)
    assert back.identities == made.identities


def test_a_new_class_is_appended(planned):
    dataset, out, made = planned
    shutil.copy(out / "plan/label_map.pbtxt", out / "label_map.pbtxt")
    dataset.sample("new.jpg", Box("ant", 8, 6, 40, 30))
    extended = plan.make(dataset.settings(), out)
    assert extended.classes == {"cat": 1, "dog": 2, "ant": 3}
    assert {"label_map", shard_of(out, "new.jpg")} <= changed(made, extended)
    shutil.copy(out / "plan/label_map.pbtxt", out / "label_map.pbtxt")
    (dataset.images / "new.jpg").unlink()
    (dataset.annotations / "new.xml").unlink()
    assert plan.make(dataset.settings(), out).classes == extended.classes  # trained heads have its row


def test_a_name_that_was_only_planned_is_forgotten(planned):
    dataset, out, _ = planned
    shutil.copy(out / "plan/label_map.pbtxt", out / "label_map.pbtxt")
    dataset.sample("new.jpg", Box("dgo", 8, 6, 40, 30))
    assert plan.make(dataset.settings(), out).classes == {"cat": 1, "dog": 2, "dgo": 3}
    dataset.xml("new.jpg", Box("dog", 8, 6, 40, 30))
    assert plan.make(dataset.settings(), out).classes == {"cat": 1, "dog": 2}


def test_a_damaged_result_is_no_obstacle(planned):
    dataset, out, _ = planned
    dataset.sample("new.jpg", Box("ant", 8, 6, 40, 30))
    plan.make(dataset.settings(), out)
    (dataset.images / "new.jpg").unlink()
    for data in (b"", b"item { id: 1", b"\xff\x00"):
        (out / "label_map.pbtxt").write_bytes(data)
        os.utime(dataset.images / "s00.jpg")
        assert plan.make(dataset.settings(), out).classes == {"cat": 1, "dog": 2, "ant": 3}


def test_a_planned_label_map_with_another_id_is_damaged(planned, capsys):
    dataset, out, made = planned
    path = out / "plan/label_map.pbtxt"
    shutil.copy(path, out / "label_map.pbtxt")
    path.write_text(path.read_text().replace("id: 1", "id: 7"))
    assert plan.make(dataset.settings(), out).identities == made.identities
    assert "label_map.pbtxt is damaged" in capsys.readouterr().err


def test_class_ids_reach_the_shards_that_use_them(dataset, tmp_path):
    dataset.fill(8, classes=("dog",))
    made = plan.make(dataset.settings(), tmp_path / "1")
    given = tmp_path / "given.pbtxt"
    given.write_text('item { id: 1 name: "cat" } item { id: 2 name: "dog" display_name: "Hund" }')
    other = plan.make(dataset.settings(label_map=str(given)), tmp_path / "2")
    used = {name for name in shards(made) if (tmp_path / "1/plan" / f"{name}.jsonl").stat().st_size}
    assert changed(made, other) == used | {"label_map"}
    assert other.classes == {"cat": 1, "dog": 2}
    assert 'display_name: "Hund"' in (tmp_path / "2/plan/label_map.pbtxt").read_text()


def test_display_names_of_a_given_map_are_known(dataset, tmp_path):
    dataset.fill(6, classes=("person",))
    given = tmp_path / "given.pbtxt"
    given.write_text('item { id: 1 name: "/m/01g317" display_name: "person" }')
    made = plan.make(dataset.settings(label_map=str(given)), tmp_path / "out")
    assert made.classes == {"/m/01g317": 1} and made.counts["train"]["classes"] == {"/m/01g317": 5}


def test_a_given_map_may_have_gaps(dataset, tmp_path):
    """As in the OD API, a detector has a column for each id up to the last one."""
    dataset.fill(10)
    given = tmp_path / "given.pbtxt"
    given.write_text("item { id: 1 name: 'cat' } item { id: 90 name: 'dog' }")
    out = tmp_path / "out"
    made = plan.make(dataset.settings(label_map=str(given)), out)
    assert made.classes == label_map.read(out / "plan/label_map.pbtxt") == {"cat": 1, "dog": 90}
    assert made.num_classes == plan.load(out).num_classes == 90
    # Without the map the ids that were written stay; only a class that was never written gives its id back.
    (out / "label_map.pbtxt").write_bytes((out / "plan/label_map.pbtxt").read_bytes())
    dataset.sample("new.jpg", Box("ant", 8, 6, 40, 30))
    dataset.sample("more.jpg", Box("bee", 8, 6, 40, 30))
    assert plan.make(dataset.settings(), out).classes == {"cat": 1, "dog": 90, "ant": 91, "bee": 92}
    dataset.sample("new.jpg", Box("cat", 8, 6, 40, 30))
    assert plan.make(dataset.settings(), out).classes == {"cat": 1, "dog": 90, "bee": 91}


def test_a_changed_label_map_or_list_is_seen(planned, tmp_path):
    dataset, out, _ = planned
    train, held = tmp_path / "train.txt", tmp_path / "eval.txt"
    train.write_text("".join(f"s{i:02d}\n" for i in range(20)))
    held.write_text("".join(f"s{i:02d}\n" for i in range(20, 29)))
    split = {"eval_fraction": 0.2, "seed": 0, "train": str(train), "eval": str(held)}
    made = plan.make(dataset.settings(split=split), out)
    assert (made.counts["train"]["images"], made.counts["eval"]["images"]) == (20, 9)
    assert made.counts["on_neither_list"] == 1 and "on neither list" in made.summary
    held.write_text(held.read_text() + "s29\n")
    assert plan.make(dataset.settings(split=split), out).counts["eval"]["images"] == 10
    given = tmp_path / "given.pbtxt"
    given.write_text('item { id: 1 name: "cat" } item { id: 2 name: "dog" }')
    plan.make(dataset.settings(label_map=str(given)), out)
    given.write_text('item { id: 2 name: "cat" } item { id: 1 name: "dog" }')
    assert plan.make(dataset.settings(label_map=str(given)), out).classes == {"dog": 1, "cat": 2}


def test_copies_on_neither_list_do_not_count(dataset, tmp_path):
    dataset.fill(10)
    dataset.sample("aaa.jpg", CAT, data=(dataset.images / "s00.jpg").read_bytes())
    train, held = tmp_path / "train.txt", tmp_path / "eval.txt"
    train.write_text("".join(f"s{i:02d}\n" for i in range(8)))
    held.write_text("s08\ns09\n")
    split = {"eval_fraction": 0.2, "seed": 0, "train": str(train), "eval": str(held)}
    drop = {"duplicate_same_boxes": "drop_image", "duplicate_other_boxes": "drop_image"}
    made = plan.make(dataset.settings(split=split, policies=drop), tmp_path / "out")
    assert made.counts["defects"] == {} and made.counts["on_neither_list"] == 1
    assert made.counts["train"]["images"] == 8


def test_shard_counts(planned):
    dataset, out, made = planned
    fewer = plan.make(dataset.settings(shards={"train": 2, "eval": 3}), out)
    assert sorted(shards(fewer)) == [
        *(f"eval-0000{i}-of-00003" for i in range(3)),
        *(f"train-0000{i}-of-00002" for i in range(2)),
    ]
    assert sorted(path.stem for path in (out / "plan").glob("*.jsonl")) == sorted(shards(fewer))
    assert fewer.identities["split"] == made.identities["split"]


def test_only_changed_files_are_read(planned, monkeypatch):
    dataset, out, _ = planned
    read = []
    inspect = reading.inspect
    monkeypatch.setattr(reading, "inspect", lambda work, label="": read.extend(work) or inspect(work, label))
    dataset.xml("s03.jpg", Box("dog", 9, 6, 40, 30))
    plan.make(dataset.settings(), out)
    assert read == [("voc", str(dataset.annotations / "s03.xml"))]


def test_a_read_only_tree_is_planned_from_memory(planned, monkeypatch):
    dataset, out, made = planned
    before = state(out)
    assert plan.make(dataset.settings(), out, write=False) == made
    dataset.sample("new.jpg", CAT)
    unwritten = plan.make(dataset.settings(), out, write=False)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert plan.make(dataset.settings(), out) == unwritten
    assert unwritten.counts["found"]["images"] == 31
    assert state(out) == before
    dataset.image("s00.jpg", b"")
    with pytest.raises(UserError):
        plan.make(dataset.settings(policies={"image_truncated": "fail"}), out)
    assert state(out) == before


def test_nothing_is_written_where_nothing_was(dataset, tmp_path):
    dataset.fill(10)
    plan.make(dataset.settings(), tmp_path / "out", write=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", ["truncated", "deleted", "noise"])
@pytest.mark.parametrize("name", ["plan.json", "facts.txt", "stamp.json", "train-00000-of-00004.jsonl"])
def test_a_damaged_plan_is_made_again(planned, name, damage):
    dataset, out, made = planned
    before = {path.name: path.read_bytes() for path in (out / "plan").iterdir()}
    path = out / "plan" / name
    if damage == "deleted":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:50] if damage == "truncated" else b"\xff\x00noise")
    os.utime(dataset.images / "s00.jpg")
    assert plan.make(dataset.settings(), out) == made
    after = {path.name: path.read_bytes() for path in (out / "plan").iterdir()}
    for own in OURS:
        del before[own], after[own]
    assert after == before


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (
            "facts.txt",
            b"",
            "facts.txt cannot be used (its checksum is missing), so the images and annotations are read",
        ),
        ("facts.txt", b"{}\nimage garbage\n", "facts.txt cannot be used (its checksum is missing)"),
        ("stamp.json", b"[]", "stamp.json cannot be read, so the plan of the data set is made again."),
        ("stamp.json", b'{"stamp": 1, "files": [1], "readers": []}', "stamp.json cannot be read"),
        ("plan.json", b"[]", "is made again, since "),
        ("train-00000-of-00004.jsonl", b"{}\n", "is made again, since "),
    ],
)
def test_what_is_made_again_is_told(planned, capsys, name, data, said):
    dataset, out, made = planned
    before = {path.name: path.read_bytes() for path in (out / "plan").iterdir()}
    (out / "plan" / name).write_bytes(data)
    if name == "facts.txt":
        (out / "plan/stamp.json").unlink()
    capsys.readouterr()
    assert plan.make(dataset.settings(), out) == made
    assert said in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (out / "plan").iterdir()} == before
    plan.make(dataset.settings(), out)
    assert capsys.readouterr().err == ""


def test_a_flipped_bit_in_the_facts_changes_nothing(planned):
    dataset, out, made = planned
    path = out / "plan/facts.txt"
    sound = path.read_bytes()
    for place in range(0, len(sound), len(sound) // 8):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        (out / "plan/stamp.json").unlink()
        assert plan.make(dataset.settings(), out) == made
        assert path.read_bytes() == sound


def test_a_damaged_memory_of_the_sides_stops_the_plan(planned):
    dataset, out, made = planned
    path = out / "plan/sides.tsv"
    sound = path.read_bytes()
    cut = sound[: sound.index(b"\n", 200) + 1]
    table = sound[: sound.rindex(b"# crc32")]
    damages = [b"", b"\0" * 99, b"\xff\0noise", sound[:50], cut[:-9], table.replace(b"train", b"trajn", 1)]
    damages += [sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :] for place in range(0, len(sound), 200)]
    os.utime(dataset.images / "s00.jpg")
    for damage in damages:
        path.write_bytes(damage)
        with pytest.raises(UserError, match=r"sides\.tsv, which remembers the side .* or delete it: then the split is"):
            plan.make(dataset.settings(), out)
        assert path.read_bytes() == damage
    path.write_bytes(table)  # as an earlier release wrote it, without a checksum
    assert plan.make(dataset.settings(), out) == made
    assert path.read_bytes() == sound
    path.unlink()
    shutil.copy(out / "plan/split.tsv", out / "split.tsv")
    os.utime(dataset.images / "s00.jpg")
    assert plan.make(dataset.settings(), out) == made


def test_damaged_label_maps(planned, capsys):
    dataset, out, made = planned
    planned_map, written = out / "plan/label_map.pbtxt", out / "label_map.pbtxt"
    label_map_before = planned_map.read_bytes()
    shutil.copy(planned_map, written)
    dataset.xml("s00.jpg", Box("ant", 8, 6, 40, 30))  # the first by the alphabet, were the ids not remembered
    planned_map.write_bytes(b"")
    assert plan.make(dataset.settings(), out).classes == made.classes | {"ant": 3}
    assert "plan/label_map.pbtxt is damaged. The ids of classes are those of " in capsys.readouterr().err
    written.write_bytes(label_map_before[:20])
    dataset.xml("s01.jpg", CAT)
    assert plan.make(dataset.settings(), out).classes == made.classes | {"ant": 3}
    planned_map.unlink()
    dataset.xml("s02.jpg", CAT)
    with pytest.raises(UserError, match=r"label_map\.pbtxt, which remembers the id of each class, is damaged"):
        plan.make(dataset.settings(), out)
    written.unlink()
    assert plan.make(dataset.settings(), out).classes == {"ant": 1, "cat": 2, "dog": 3}


def test_a_deleted_manifest_is_noticed_without_any_other_change(planned):
    dataset, out, _ = planned
    path = out / "plan/train-00000-of-00004.jsonl"
    data = path.read_bytes()
    path.unlink()
    plan.make(dataset.settings(), out)
    assert path.read_bytes() == data


def test_folders(dataset, tmp_path):
    """Several folders, one within another, links, hidden files and other files beside."""
    dataset.fill(10)
    second = factories.DataSet(tmp_path / "second")
    second.sample("s00.jpg", Box("dog", 1, 2, 30, 40), data=factories.photo(77))
    second.sample("other.jpg", CAT)
    (dataset.images / ".hidden.jpg").write_bytes(factories.photo(5))
    (dataset.images / "._s00.jpg").write_bytes(b"resource fork")
    (dataset.images / "notes.txt").write_text("notes")
    (dataset.images / "loop").symlink_to(dataset.images, target_is_directory=True)
    (dataset.images / "linked").symlink_to(second.images, target_is_directory=True)
    settings = dataset.settings(
        images=[str(dataset.images), str(second.images)],
        annotations=[str(dataset.annotations), str(second.annotations)],
    )
    made = plan.make(settings, tmp_path / "out")
    assert made.counts["found"] == {"images": 12, "annotations": 12}
    (dataset.images / "linked").unlink()
    made = plan.make(settings, tmp_path / "out")
    names = set(sides(tmp_path / "out"))
    assert {"s00.jpg", "images/s00.jpg", "other.jpg"} <= names and len(names) == 12
    assert made.counts["defects"] == {"same_name": 1}
    assert not summary.is_calm(made.summary)


def test_images_and_annotations_in_one_folder(tmp_path):
    dataset = factories.DataSet(tmp_path / "data")
    dataset.fill(6)
    for path in [*dataset.images.iterdir(), *dataset.annotations.iterdir()]:
        path.rename(tmp_path / "data" / path.name)
    folder = str(tmp_path / "data")
    made = plan.make(dataset.settings(images=folder, annotations=folder), tmp_path / "out")
    assert made.counts["train"]["images"] + made.counts["eval"]["images"] == 6 and not made.counts["defects"]


def negatives(dataset):
    for index in range(9):
        dataset.image(f"{index}.jpg")
        dataset.xml(f"{index}.jpg")


def one_object(dataset):
    negatives(dataset)
    dataset.sample("with.jpg")


@pytest.mark.parametrize("side", ["train", "eval"])
def test_a_list_without_objects_is_told_before_the_first_job(dataset, tmp_path, side):
    one_object(dataset)
    images = {"train": ["0.jpg", "1.jpg"], "eval": ["2.jpg", "3.jpg"]}
    images["eval" if side == "train" else "train"].append("with.jpg")
    for name, listed in images.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(listed))
    split = {name: str(tmp_path / f"{name}.txt") for name in images}
    with pytest.raises(UserError, match=rf"images has a box.*{side}.txt \(`dataset.split.{side}`\)"):
        plan.make(dataset.settings(split=split), tmp_path / "out")


@pytest.mark.parametrize(
    ("prepare", "changes", "says"),
    [
        (lambda d: d.fill(5), {"images": ["/no/such/images"]}, "There is no folder /no/such/images"),
        (lambda d: d.fill(5), {"annotations": "/no/such/xml"}, "There is no folder /no/such/xml"),
        (lambda d: None, {}, "There is no image in"),
        (lambda d: [d.image("a.jpg"), d.image("b.jpg")], {}, "No sample is left of 2 images and 0 annotations"),
        (lambda d: d.image("a.jpg"), {}, "annotations: no file there is in a format that is read. Correct"),
        (lambda d: d.fill(5), {"images": __file__}, "test_plan.py is a file, but `dataset.images` takes"),
        (lambda d: d.fill(1), {}, "The split leaves no evaluation image"),
        (negatives, {}, "None of the 9 images has a box"),
        (one_object, {}, "None of the 2 evaluation images has a box, so no metric is defined: raise `dataset.split.ev"),
        (lambda d: d.fill(5), {"split": {"train": "list.txt", "eval": None}}, "needs both lists"),
        (lambda d: d.fill(5), {"label_map": "/no/map.pbtxt"}, "/no/map.pbtxt cannot be read"),
        (lambda d: d.fill(5), {"policies": {"image_cymk": "fix"}}, "did you mean `image_cmyk`"),
    ],
)  # fmt: skip
def test_mistakes_are_one_paragraph_and_leave_nothing(dataset, tmp_path, prepare, changes, says):
    prepare(dataset)
    with pytest.raises(UserError) as error:
        plan.make(dataset.settings(**changes), tmp_path / "out")
    assert says in str(error.value)
    assert not (tmp_path / "out/plan/plan.json").exists()


@pytest.mark.parametrize("side", ["train", "eval"])
def test_sides_that_are_remembered_of_another_data_set_are_named_as_the_cause(dataset, tmp_path, side):
    dataset.fill(20)
    plan.make(dataset.settings(), tmp_path / "out")
    table = (tmp_path / "out/plan/split.tsv").read_text().splitlines()[1:]
    names = [name for name, of, _ in (line.split("\t") for line in table) if of == side]
    another = factories.DataSet(tmp_path / "another")
    for number, name in enumerate(names):
        another.image(name, factories.photo(100 + number))
        another.xml(name, Box("cat", 8, 6, 40, 30))
    with pytest.raises(UserError) as error:
        plan.make(another.settings(), tmp_path / "out")
    lacks, has = ("evaluation", "a training") if side == "train" else ("training", "an evaluation")
    assert str(error.value).splitlines()[0] == (
        f"The split leaves no {lacks} image ({len(names)} images in all): {tmp_path}/out/plan/sides.tsv, which has 20 "
        f"images of earlier runs, remembers each of them as {has} image. If this is another data set, set another "
        "`results` folder; another `dataset.split.seed` draws anew."
    )
    plan.make(another.settings(), tmp_path / "elsewhere")
    plan.make(another.settings(split={"eval_fraction": 0.2, "seed": 1}), tmp_path / "out")


@pytest.mark.parametrize("which", ["label_map", "list"])
def test_a_git_lfs_pointer_in_place_of_a_given_file_is_named(dataset, tmp_path, which):
    dataset.fill(5)
    given = tmp_path / "given"
    given.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 174833\n")
    split = {"eval_fraction": 0.2, "seed": 0, "train": str(given), "eval": str(given)}
    changes = {"label_map": str(given)} if which == "label_map" else {"split": split}
    with pytest.raises(UserError, match=r"given cannot be used: it is a Git LFS pointer, .* `git lfs pull`"):
        plan.make(dataset.settings(**changes), tmp_path / "out")


def test_many_files_are_read_by_several_processes(dataset, tmp_path, monkeypatch):
    dataset.fill(20)
    made = plan.make(dataset.settings(), tmp_path / "one")
    monkeypatch.setattr(reading, "_WORTHWHILE", dict.fromkeys(reading._WORTHWHILE, 0))
    monkeypatch.setattr(reading, "_CHUNK", 3)
    monkeypatch.setattr(reading.os, "sched_getaffinity", lambda pid: {0, 1, 2}, raising=False)
    # No file of the working folder is imported by these processes.
    (tmp_path / "work").mkdir()
    for name in ("json", "queue", "types"):
        (tmp_path / "work" / f"{name}.py").write_text("raise SystemExit(9)\n")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert plan.make(dataset.settings(), tmp_path / "three") == made
    assert sorted(memory.Memory(tmp_path / "one/plan/facts.txt")._known.items()) == sorted(
        memory.Memory(tmp_path / "three/plan/facts.txt")._known.items()
    )
    monkeypatch.setattr(reading.sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="ended early"):
        plan.make(dataset.settings(), tmp_path / "broken")


def test_the_order_of_discovery_does_not_matter(planned, tmp_path, monkeypatch):
    dataset, _, made = planned
    scandir = os.scandir

    class Reversed:
        def __init__(self, path):
            self.entries = scandir(path)

        def __enter__(self):
            return iter(list(self.entries)[::-1])

        def __exit__(self, *_):
            self.entries.close()

    monkeypatch.setattr(os, "scandir", Reversed)
    again = plan.make(dataset.settings(), tmp_path / "again")
    assert again == made


def test_everything_in_the_plan_is_plain(planned):
    _, _, made = planned
    assert json.loads(json.dumps(vars(made))) == vars(made)
    assert all(len(value) == 16 for value in made.identities.values())
    assert len({*made.identities.values()}) == len(made.identities)
    assert list(itertools.chain(made.classes.values())) == [1, 2]
