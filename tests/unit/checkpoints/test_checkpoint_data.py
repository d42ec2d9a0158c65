"""The data files of a checkpoint, judged by its index alone."""

import numpy as np
import pytest

from boxwright.checkpoints import checkpoint_data, checkpoint_files


@pytest.fixture
def prefix(tmp_path):
    tensors = {f"FeatureExtractor/layer_{n}/weights": np.full((n + 1, 7), n, np.float32) for n in range(60)}
    checkpoint_files.write(tmp_path / "model.ckpt-7", tensors | {"global_step": np.int64(7)})
    return tmp_path / "model.ckpt-7"


def data(prefix):
    return prefix.with_name(f"{prefix.name}.data-00000-of-00001")


def test_a_whole_checkpoint(prefix):
    assert checkpoint_data.complaint(prefix) == checkpoint_data.complaint(prefix.parent) == ""


def test_the_published_one(shared):
    prefix = next((shared / "models").rglob("model.ckpt.index")).with_suffix("")
    assert checkpoint_data.complaint(prefix) == ""


def test_a_missing_file(prefix):
    data(prefix).unlink()
    assert checkpoint_data.complaint(prefix) == f"{data(prefix)} is missing"


@pytest.mark.parametrize("missing", [1, 100])
def test_a_file_that_is_cut_short(prefix, missing):
    size = data(prefix).stat().st_size
    data(prefix).write_bytes(data(prefix).read_bytes()[:-missing])
    assert checkpoint_data.complaint(prefix) == (
        f"{data(prefix)} is cut short: it has {size - missing:,} of {size:,} bytes"
    )


def test_what_has_no_index(tmp_path):
    (tmp_path / "model.ckpt").write_bytes(b"V1")
    assert checkpoint_data.complaint(tmp_path / "model.ckpt") == ""
    assert checkpoint_data.complaint(tmp_path / "frozen_inference_graph.pb") == ""


def test_no_damage_to_the_index_is_an_error_of_the_program(prefix):
    index = prefix.with_name(f"{prefix.name}.index")
    whole = index.read_bytes()
    for at in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        index.write_bytes(damaged)
        assert isinstance(checkpoint_data.complaint(prefix), str)
