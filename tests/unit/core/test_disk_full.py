"""What happens when a disk is full: on a real one, 256 kB large."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests import factories

from boxwright import tfrecord
from boxwright.console.job import job
from boxwright.core import files
from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box
from boxwright.records import events
from boxwright.records.shards import write_shard

SIZE = 256 * 1024


@pytest.fixture
def disk(small_disk, tmp_path):
    return small_disk(tmp_path / "small", SIZE)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_older_file_stays_whole(disk):
    path = disk / "table.tsv"
    path.write_bytes(b"old")
    said = r"The disk is full: .*table\.tsv needs more than [\d,]+ bytes, and [\d,]+ bytes are free in .*small\."
    with pytest.raises(UserError, match=said), files.writing(path) as file:
        file.write(bytes(2 * SIZE))
    assert contents(disk) == {"table.tsv": b"old"}


def test_what_fits_later_is_written_later(disk):
    (disk / "ballast").write_bytes(bytes(SIZE - 8192))
    with pytest.raises(UserError, match="The disk is full"):
        files.write_if_changed(disk / "table.tsv", bytes(16384))
    (disk / "ballast").unlink()
    assert files.write_if_changed(disk / "table.tsv", bytes(16384))


def test_records(disk, tmp_path):
    data = factories.DataSet(tmp_path / "data")
    lines = []
    for number in range(100):
        sample = factories.sample_of(data, f"s{number}.jpg", Box("cat", 8, 6, 40, 30), width=200, height=150)
        lines.append(sample.to_json() + "\n")
    some, all_of_them = tmp_path / "some.jsonl", tmp_path / "all.jsonl"
    some.write_text("".join(lines[:4]))
    all_of_them.write_text("".join(lines))
    write_shard(some, {"cat": 1}, disk / "train-00000-of-00002.tfrecord")
    before = contents(disk)
    with pytest.raises(UserError, match=r"The disk is full: .*train-00001-of-00002\.tfrecord needs more than"):
        write_shard(all_of_them, {"cat": 1}, disk / "train-00001-of-00002.tfrecord")
    assert contents(disk) == before
    assert len(list(tfrecord.read(disk / "train-00000-of-00002.tfrecord"))) == 4


def test_a_checkpoint(disk):
    from boxwright.checkpoints import checkpoint_files

    weights = np.arange(20_000, dtype=np.float32)  # 80,000 bytes: three fit, four do not
    for step in (1, 2):
        checkpoint_files.write(disk / f"model.ckpt-{step}", {"weights": weights})
    (disk / "ballast").write_bytes(bytes(40_000))
    before = contents(disk)
    with pytest.raises(UserError, match=r"The disk is full: .*model\.ckpt-3 needs 80,000 bytes, and [\d,]+ bytes are"):
        checkpoint_files.write(disk / "model.ckpt-3", {"weights": weights})
    assert contents(disk) == before
    np.testing.assert_array_equal(checkpoint_files.read(disk / "model.ckpt-2").value("weights"), weights)


def test_an_export(disk):
    folder = disk / "fine_tuned_model"
    names = ["frozen_inference_graph.pb", "model.ckpt.data-00000-of-00001"]
    with files.whole_entries(folder, names[:1]) as temporary:
        (temporary / "frozen_inference_graph.pb").write_bytes(bytes(100_000))
    before = contents(disk)
    said = r"The disk is full: .*fine_tuned_model needs more than 1\d\d,\d{3} bytes"
    with pytest.raises(UserError, match=said), files.whole_entries(folder, names) as temporary:
        (temporary / "frozen_inference_graph.pb").write_bytes(bytes(100_000))
        (temporary / "model.ckpt.data-00000-of-00001").write_bytes(bytes(100_000))
    assert contents(disk) == before


def test_a_job_says_it_without_a_traceback_even_where_its_log_does_not_fit(disk, capsys):
    (disk / "ballast").write_bytes(bytes(SIZE))
    (disk / "out").mkdir(exist_ok=True)
    rule = SimpleNamespace(
        log=[str(disk / "logs/rule.log")], config={"results": str(disk)}, input=[], output=[str(disk / "out/events")]
    )
    with pytest.raises(SystemExit) as ended, job(rule):
        print("What a log has no room for")
        with events.EventWriter(disk / "out/events.out.tfevents.1") as writer:
            writer.text(1, "long", "word " * 2000)
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "What a log has no room for" in said.out
    assert "The disk is full" in said.err and "Traceback" not in said.err
