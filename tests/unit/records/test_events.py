"""TensorBoard's own reader shows what the event writer wrote."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.pr_curve.summary import raw_data_pb
from tensorboard.util import tensor_util

from boxwright.records import events


def load(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    accumulator.Reload()
    return accumulator


def values(accumulator, tag):
    return [(event.step, tensor_util.make_ndarray(event.tensor_proto)) for event in accumulator.Tensors(tag)]


def test_tensorboard_reads_scalars_images_and_text(tmp_path):
    photo = np.zeros((20, 30, 3), np.uint8)
    photo[:, 15:] = (200, 30, 90)
    with events.EventWriter(tmp_path / "train" / "events.out.tfevents.000100") as writer:
        for step in (10, 20):
            writer.scalars(step, {"Loss/total_loss": step / 16, "learning_rate": np.float32(0.004)})
        writer.image(20, "train_input_images", photo)
        writer.text(0, "pipeline.config", "model {\n  ssd {}\n}")

    accumulator = load(tmp_path / "train")
    plugins = {tag: accumulator.SummaryMetadata(tag).plugin_data.plugin_name for tag in accumulator.Tags()["tensors"]}
    assert plugins == {
        "Loss/total_loss": "scalars",
        "learning_rate": "scalars",
        "train_input_images": "images",
        "pipeline.config": "text",
    }
    assert values(accumulator, "Loss/total_loss") == [(10, 10 / 16), (20, 20 / 16)]
    assert values(accumulator, "learning_rate")[0][1] == np.float32(0.004)
    [(step, (width, height, encoded))] = values(accumulator, "train_input_images")
    assert (step, width, height) == (20, b"30", b"20")
    shown = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"), int)
    assert shown.shape == photo.shape
    assert np.abs(shown - photo).max() < 25
    [(_, text)] = values(accumulator, "pipeline.config")
    assert text.item() == b"model {\n  ssd {}\n}"


def test_each_value_can_be_watched_at_once(tmp_path):
    writer = events.EventWriter(tmp_path / "events.out.tfevents.x")
    watcher = load(tmp_path)
    for step in (1, 2, 3):
        writer.scalars(step, {"loss": 1.0 / step})
        watcher.Reload()
        assert [event.step for event in watcher.Tensors("loss")] == list(range(1, step + 1))
    writer.close()


def test_later_files_are_seen_while_tensorboard_watches(tmp_path):
    watcher = load(tmp_path)
    for end in (500, 1000, 10000):
        with events.EventWriter(tmp_path / events.file_name(end)) as writer:
            writer.scalars(end - 1, {"loss": 1.0})
            writer.scalars(end, {"loss": 0.5})
        watcher.Reload()
        assert watcher.Tensors("loss")[-1].step == end
    assert [event.step for event in watcher.Tensors("loss")] == [499, 500, 999, 1000, 9999, 10000]


def test_writing_again_replaces_the_file(tmp_path):
    path = tmp_path / "events.out.tfevents.x"
    for value in (1.0, 2.0):
        with events.EventWriter(path) as writer:
            writer.scalars(5, {"loss": value})
    assert values(load(tmp_path), "loss") == [(5, 2.0)]


def test_summary_of_another_plugin(tmp_path):
    curve = raw_data_pb(
        "pr/cat",
        true_positive_counts=[3, 2],
        false_positive_counts=[1, 0],
        true_negative_counts=[0, 1],
        false_negative_counts=[0, 1],
        precision=[0.75, 1.0],
        recall=[1.0, 2 / 3],
        num_thresholds=2,
        display_name=None,
        description=None,
    )
    with events.EventWriter(tmp_path / "events.out.tfevents.x") as writer:
        writer.proto(7, curve)
    accumulator = load(tmp_path)
    tag = next(tag for tag in accumulator.Tags()["tensors"] if tag.startswith("pr/cat"))
    assert accumulator.SummaryMetadata(tag).plugin_data.plugin_name == "pr_curves"
    [(step, table)] = values(accumulator, tag)
    assert step == 7
    np.testing.assert_allclose(table[4:], [[0.75, 1.0], [1.0, 2 / 3]], rtol=1e-6)


def test_wrong_calls(tmp_path):
    with pytest.raises(ValueError, match="tfevents"):
        events.EventWriter(tmp_path / "log")
    with events.EventWriter(tmp_path / "tfevents") as writer, pytest.raises(ValueError, match="float32"):
        writer.image(0, "x", np.zeros((2, 2, 3), np.float32))


def test_records_do_not_import_tensorflow():
    code = (
        "import sys; from boxwright import tfrecord; from boxwright.records import events, example, shards; "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
