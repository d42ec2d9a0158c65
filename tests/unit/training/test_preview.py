"""What TensorBoard shows of the training's input."""

import io

import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util
from training_data import LABEL_MAP, TINY_FASTER_RCNN

from boxwright import protos
from boxwright.detector.build import build
from boxwright.images import drawing
from boxwright.training import inputs, preview

RESNET_MEAN = np.array([123.68, 116.779, 103.939])


def plain(config):
    """The configuration without augmentation."""
    same = type(config)()
    same.CopyFrom(config)
    del same.train_config.data_augmentation_options[:]
    return same


def shown(config, records):
    preprocess = build(config.model).preprocess
    data = inputs.build(config, records, LABEL_MAP, preprocess, seed=5)
    return data, list(preview.pictures(data, LABEL_MAP))


@pytest.fixture
def unmarked(monkeypatch):
    """Boxes are not drawn but kept, with class and label."""
    drawn = []

    def keep(picture, boxes, classes, labels, thickness):
        drawn.append((boxes, classes, labels))
        return picture

    monkeypatch.setattr(drawing, "boxes", keep)
    return drawn


def test_a_picture_is_the_image_that_the_batch_holds(config, records, unmarked):
    config = plain(config)
    config.train_config.batch_size = 3
    data, found = shown(config, records)
    assert [(step, place) for step, place, _ in found] == [(step, place) for step in range(3) for place in range(3)]
    for step, place, picture in found:
        batch = next(data.batches(step, step + 1))
        # SSD MobileNet takes 2 / 255 x - 1.
        expected = (batch.images[place].numpy() + 1) * 127.5
        np.testing.assert_allclose(picture, expected, atol=0.51)
        boxes, classes, labels = unmarked[step * 3 + place]
        count = int(batch.groundtruth.num_boxes[place])
        np.testing.assert_array_equal(boxes, batch.groundtruth.boxes[place, :count])
        assert classes == [LABEL_MAP[label] for label in labels] and len(labels) == count


def test_colours_are_right_where_the_network_takes_blue_first(config, records, unmarked):
    config = plain(config)
    preprocess = build(config.model).preprocess
    pictures = []
    for order in (1, -1):

        def ordered(image, order=order):
            pixels, shape = preprocess(image)
            return pixels[..., ::order] * [1.0, 2.0, 3.0], shape

        data = inputs.build(config, records, LABEL_MAP, ordered, seed=5)
        pictures.append(next(iter(preview.pictures(data, LABEL_MAP)))[2])
    assert np.ptp(pictures[0].astype(int), axis=-1).max() > 20
    np.testing.assert_allclose(*pictures, atol=1)


def test_the_last_batch_before_each_checkpoint_is_shown(config, records, unmarked, monkeypatch):
    config = plain(config)
    config.train_config.batch_size = 8
    preprocess = build(config.model).preprocess
    data = inputs.build(config, records, LABEL_MAP, preprocess, seed=5)
    found = list(preview.pictures(data, LABEL_MAP, [1, 50, 100]))
    assert [step for step, place, _ in found if place == 0] == [0, 1, 50, 100]
    _, place, picture = found[-1]
    last = next(data.batches(99, 100))
    np.testing.assert_allclose(picture, (last.images[place].numpy() + 1) * 127.5, atol=0.51)
    monkeypatch.setattr(preview, "MOST_CHECKPOINTS", 3)
    many = preview.pictures(data, LABEL_MAP, range(10, 101, 10))
    assert [step for step, place, _ in many if place == 0] == [0, 1, 10, 50, 100]


def test_one_image_at_a_time_and_padding_is_cut_off(records, unmarked):
    config = text_format.Parse(TINY_FASTER_RCNN, protos.TrainEvalPipelineConfig())
    config = plain(config)
    config.train_config.batch_size = 1
    data, found = shown(config, records)
    assert [(step, place) for step, place, _ in found] == [(step, 0) for step in range(preview.PICTURES)]
    for step, _, picture in found:
        batch = next(data.batches(step, step + 1))
        height, width, _ = batch.true_shapes[0].numpy()
        assert picture.shape == (height, width, 3)
        # ResNet takes RGB less the mean of ImageNet.
        expected = batch.images[0, :height, :width].numpy() + RESNET_MEAN
        np.testing.assert_allclose(picture, np.clip(expected, 0, 255), atol=0.51)


def test_a_network_of_one_channel_shows_gray_pictures(config, records, unmarked):
    config = plain(config)
    config.model.ssd.image_resizer.fixed_shape_resizer.convert_to_grayscale = True
    data, found = shown(config, records)
    for step, place, picture in found:
        assert picture.dtype == np.uint8 and picture.shape[2] == 3
        batch = next(data.batches(step, step + 1))
        assert batch.images.shape[3] == 1
        expected = np.broadcast_to((batch.images[place].numpy() + 1) * 127.5, picture.shape)
        np.testing.assert_allclose(picture, expected, atol=0.51)


def test_the_file_is_the_same_for_the_same_seed_and_shows_the_augmentation(config, records, tmp_path):
    pictures = {}
    for name, one, seed in (("a", config, 5), ("b", config, 5), ("seed", config, 6), ("plain", plain(config), 5)):
        path = tmp_path / name / "events.out.tfevents.0"
        preview.write(path, one, records, LABEL_MAP, seed=seed)
        events = EventAccumulator(str(path.parent), size_guidance={"tensors": 0}).Reload()
        tags = events.Tags()["tensors"]
        assert set(tags) == {"pipeline.config", *(f"train_input_images/{place}" for place in range(3))}
        [text] = events.Tensors("pipeline.config")
        assert "ssd_mobilenet_v1" in tensor_util.make_ndarray(text.tensor_proto).item().decode()
        encoded = [tensor_util.make_ndarray(event.tensor_proto)[2] for event in events.Tensors("train_input_images/0")]
        pictures[name] = encoded
    assert pictures["a"] == pictures["b"] != pictures["seed"]
    assert pictures["a"] != pictures["plain"]
    assert np.asarray(Image.open(io.BytesIO(pictures["a"][0]))).shape == (64, 64, 3)
