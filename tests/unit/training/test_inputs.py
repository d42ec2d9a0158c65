import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from training_data import LABEL_MAP, encode, resize, write_records

from boxwright import tfrecord
from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box, Sample
from boxwright.records import example
from boxwright.training import inputs
from boxwright.training.inputs import Batch, Inputs


def build(config, records, seed=0, **changes) -> Inputs:
    arguments = {"label_map": LABEL_MAP, "preprocess": resize, "seed": seed} | changes
    return inputs.build(config, records, **arguments)


def arrays(batch: Batch) -> list[np.ndarray]:
    return [tensor.numpy() for tensor in tf.nest.flatten(batch)]


def equal(one: Batch, other: Batch) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(arrays(one), arrays(other), strict=True))


def test_every_epoch_takes_each_record_once_in_another_order(config, records):
    data = build(config, records)
    assert len(data) == 11
    numbers = [number for step in range(11) for number in data.record_numbers(step)]  # 3 epochs of 11
    epochs = [numbers[:11], numbers[11:22], numbers[22:]]
    assert all(sorted(epoch) == list(range(11)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert build(config, records, seed=1).record_numbers(0) != data.record_numbers(0)


def test_without_shuffling_records_come_in_their_order(config, records):
    config.train_input_reader.shuffle = False
    data = build(config, records)
    assert [data.record_numbers(step) for step in (0, 1, 3)] == [[0, 1, 2], [3, 4, 5], [9, 10, 0]]
    assert data.source_ids(0) == ["image-000.jpg", "image-002.jpg", "image-004.jpg"]


def test_batches_are_a_function_of_seed_and_step(config, records):
    whole = list(build(config, records).batches(0, 8))
    assert len(whole) == 8
    late = list(build(config, records).batches(5, 8))
    assert all(equal(a, b) for a, b in zip(whole[5:], late, strict=True))
    other = list(build(config, records, seed=1).batches(0, 1))
    assert not equal(whole[0], other[0])


def test_an_image_looks_different_each_time_it_comes(config, records):
    data = build(config, records)
    steps = [step for step in range(30) if 0 in data.record_numbers(step)][:4]
    images = [next(data.batches(step, step + 1)).images[data.record_numbers(step).index(0)].numpy() for step in steps]
    assert all(np.abs(a - images[0]).max() > 0.05 for a in images[1:])


def test_boxes_are_those_of_the_record_padded_with_zeros(config, records):
    config.train_input_reader.shuffle = False
    del config.train_config.data_augmentation_options[:]
    index = tfrecord.Index(records)
    data = build(config, records)
    for step, batch in enumerate(data.batches(0, 3)):
        assert batch.images.shape == (3, 16, 24, 3)
        assert batch.true_shapes.numpy().tolist() == [[16, 24, 3]] * 3
        for row, number in enumerate(data.record_numbers(step)):
            record = example.from_example(index[number])
            truth = batch.groundtruth
            count = len(record.boxes)
            assert truth.num_boxes[row] == count
            np.testing.assert_array_equal(truth.boxes[row, :count], record.boxes)
            np.testing.assert_array_equal(truth.classes[row, :count], record.classes - 1)
            np.testing.assert_array_equal(truth.weights[row, :count], np.ones(count))
            assert not np.any(truth.boxes[row, count:]) and not np.any(truth.weights[row, count:])
            pixels = tf.io.decode_jpeg(record.encoded, dct_method="INTEGER_ACCURATE")
            np.testing.assert_array_equal(batch.images[row], resize(pixels)[0])


def test_ignore_regions_follow_the_image_and_are_no_boxes(config, tmp_path):
    boxes = (Box(next(iter(LABEL_MAP)), 1, 2, 9, 10),)
    regions = (Box("", 2, 4, 12, 8), Box("stranger", 6, 0, 24, 16))
    pixels = encode(np.zeros((16, 24, 3), np.uint8))
    path = tmp_path / "records"
    with path.open("wb") as file:
        for number, of_image in enumerate((regions, (), regions[:1])):
            sample = Sample(f"{number}.jpg", "", "", 24, 16, "jpeg", (), boxes, of_image)
            tfrecord.write(file, example.to_example(sample, pixels, LABEL_MAP))
    config.train_input_reader.shuffle = False
    del config.train_config.data_augmentation_options[:]
    config.train_input_reader.max_number_of_boxes = 1
    truth = next(build(config, [path]).batches(0, 1)).groundtruth
    assert truth.num_boxes.numpy().tolist() == [1, 1, 1]
    first, second, none = [0.25, 2 / 24, 0.5, 0.5], [0, 0.25, 1, 1], [0] * 4
    np.testing.assert_allclose(truth.regions, [[first, second], [none, none], [first, none]], atol=1e-7)
    option = config.train_config.data_augmentation_options.add()
    option.random_horizontal_flip.probability = 1.0
    turned = next(build(config, [path]).batches(0, 1)).groundtruth
    np.testing.assert_allclose(turned.regions[0], [[0.25, 0.5, 0.5, 22 / 24], [0, 0, 1, 0.75]], atol=1e-6)


def test_at_most_max_number_of_boxes(config, records):
    config.train_input_reader.max_number_of_boxes = 1
    del config.train_config.data_augmentation_options[:]
    counts = np.concatenate([batch.groundtruth.num_boxes for batch in build(config, records).batches(0, 11)])
    assert counts.max() == 1
    assert (counts == 0).any()


def test_images_of_different_sizes_are_padded_below_and_to_the_right(config, records):
    config.train_input_reader.shuffle = False
    del config.train_config.data_augmentation_options[:]

    def keep_size(image):
        return tf.cast(image, tf.float32) + 1.0, tf.shape(image)

    black = np.array([1.0, 2.0, 3.0], np.float32)
    batch = next(build(config, records, preprocess=keep_size, padding=black).batches(0, 1))
    shapes = batch.true_shapes.numpy()
    assert len({tuple(shape) for shape in shapes}) == 3
    assert batch.images.shape[1:3] == tuple(shapes.max(axis=0)[:2])
    for image, (height, width, _) in zip(batch.images.numpy(), shapes, strict=True):
        assert image[:height, :width].min() >= 1
        assert (image[height:] == black).all() and (image[:, width:] == black).all()


def test_the_class_name_wins_over_the_number(config, tmp_path):
    # These records number square 1 and zebra 2; by the label map square is 2.
    paths = write_records(tmp_path, 6, 1, classes=("square",))
    swapped = {"square": 7, "disc": 1}
    del config.train_config.data_augmentation_options[:]
    batch = next(build(config, paths, label_map=swapped).batches(0, 1))
    classes = batch.groundtruth.classes.numpy()[batch.groundtruth.weights.numpy() > 0]
    assert set(classes.tolist()) == {6}


def test_an_unknown_class_is_an_error_with_its_record(config, tmp_path):
    paths = write_records(tmp_path, 6, 1, classes=("disc", "zebra"))
    with pytest.raises(UserError, match=r"image-00\d.jpg \(.*train-00000-of-00001.tfrecord at byte \d+\).*zebra"):
        list(build(config, paths).batches(0, 2))


def test_a_damaged_record_is_named(config, tmp_path):
    (path,) = write_records(tmp_path, 6, 1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"train-00000-of-00001\.tfrecord is damaged"):
        list(build(config, [path]).batches(0, 2))


def test_an_image_that_cannot_be_decoded_is_an_error(config, tmp_path):
    path = tmp_path / "broken.tfrecord"
    sample = Sample("a.jpg", "a.jpg", "", 8, 8, "jpeg", (), ())
    with path.open("wb") as file:
        tfrecord.write(file, example.to_example(sample, b"\xff\xd8\xff\xe0 not a picture", LABEL_MAP))
    with pytest.raises(UserError, match=r"cannot be decoded: .*a\.jpg"):
        list(build(config, [path]).batches(0, 1))


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "GIF"])
def test_lossless_formats_decode_exactly(image_format):
    pixels = np.zeros((5, 7, 3), np.uint8)
    pixels[2:, 3:] = (10, 200, 90)
    np.testing.assert_array_equal(inputs.decode(tf.constant(encode(pixels, image_format))), pixels)


def test_jpeg_is_decoded_as_pillow_does():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (33, 47, 3), dtype=np.uint8)
    encoded = encode(pixels)
    np.testing.assert_array_equal(inputs.decode(tf.constant(encoded)), np.asarray(Image.open(io.BytesIO(encoded))))


def test_closed_batches_read_no_more(config, records, monkeypatch):
    whole, began, ended = tfrecord.Index.__getitem__, [], []

    def slowly(index, number):
        began.append(number)
        time.sleep(0.02)
        ended.append(number)
        return whole(index, number)

    monkeypatch.setattr(tfrecord.Index, "__getitem__", slowly)
    batches = build(config, records).batches(0, 1000)
    next(batches)
    batches.close()
    assert len(began) == len(ended) < 3000
    time.sleep(0.2)
    assert len(began) == len(ended)


def test_an_error_ends_a_job_that_reads_ahead(records, tmp_path):
    here = Path(__file__).parent
    command = [sys.executable, str(here / "reader_process.py"), str(tmp_path), *map(str, records)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), *filter(None, sys.path)])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "That is enough." in done.stderr) == (1, True), done.stderr
