"""The batches of a training run, as a pure function of (seed, step).

Batch `step` holds samples `step * B` to `step * B + B - 1`. Of N records, sample n is number n % N in the permutation
of epoch n // N, and its augmentation draws from the stateless seed (seed, n). So a run can start at any step at no
cost, and a run in pieces sees what a run in one piece sees.

Records are found through an index of their offsets and read one by one, in order, by one Python call each; decoding,
augmentation and resizing run in TensorFlow's own threads, beside the training step. An image is resized before it
waits for its batch, so memory depends on the batch alone.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf.message import Message

from boxwright import devices, tfrecord
from boxwright.core.errors import UserError
from boxwright.detector.groundtruth import Groundtruth
from boxwright.pipeline import parts
from boxwright.records.example import from_example
from boxwright.training.augmentations.example import Augmentation, TrainingExample, in_order

# Images being decoded at once, and batches waiting for the training step: more would cost memory and hide no more.
PARALLEL = min(devices.processors(), 16)
PREFETCH = 2

# From an image [H, W, 3], 0 to 255, to what the detector takes, float32 [h, w, C], and its shape without padding.
Preprocess = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class Batch(NamedTuple):
    """B images ready for the detector: `images` float32 [B, h, w, 3], `true_shapes` int32 [B, 3], and their boxes."""

    images: tf.Tensor
    true_shapes: tf.Tensor
    groundtruth: Groundtruth


class Inputs:
    """The training data of one model.

    records: the train shards in a fixed order. label_map: ids (from 1) by class name. preprocess: the detector's.
    augment: changes each image before, or leaves it. batch_size: images of a batch. shuffle: take the records in a new
    random order every epoch. max_number_of_boxes: the first so many boxes of an image are kept. padding: float32 [C] or
    a number that fills smaller images of a batch, below and to the right. part: (i, n) makes every batch its i-th n-th
    alone, for n machines that share it.
    Raises UserError for damaged or empty records.
    """

    def __init__(
        self,
        records: Sequence[Path],
        label_map: Mapping[str, int],
        preprocess: Preprocess,
        augment: Augmentation,
        *,
        batch_size: int,
        shuffle: bool,
        max_number_of_boxes: int,
        seed: int,
        padding: np.ndarray | float = 0.0,
        part: tuple[int, int] = (0, 1),
    ):
        self.batch_size = batch_size
        self.seed = seed
        self.padding = padding
        self._index = tfrecord.Index(records)
        self._label_map = dict(label_map)
        self.preprocess = preprocess
        self._augment = augment
        self._shuffle = shuffle
        self._most = max_number_of_boxes
        self._part = part
        self._failure: Exception | None = None

    def __len__(self) -> int:
        """The number of images."""
        return len(self._index)

    def record_numbers(self, step: int) -> list[int]:
        """Which records batch `step` holds."""
        return [self._record_number(n) for n in range(step * self.batch_size, (step + 1) * self.batch_size)]

    def source_ids(self, step: int) -> list[str]:
        """The names of the images of batch `step`."""
        return [from_example(self._index[number]).source_id for number in self.record_numbers(step)]

    def batches(self, start: int, stop: int) -> "Batches":
        """The batches of steps `start` to `stop` - 1, in order."""
        return Batches(self, start, self._dataset(start, stop))

    def _dataset(self, start: int, stop: int) -> tf.data.Dataset:
        index, count = self._part
        size = self.batch_size // count
        samples = tf.data.Dataset.range(start * size, stop * size)
        if count > 1:
            samples = samples.map(lambda n: n // size * self.batch_size + index * size + n % size)
        # Without AutoGraph, which these functions do not need and which takes seconds to go through them.
        read, prepare, finish = map(tf.autograph.experimental.do_not_convert, (self._read, self._prepare, self._finish))
        samples = samples.map(read, num_parallel_calls=1)
        samples = samples.map(prepare, num_parallel_calls=PARALLEL, deterministic=True)
        batches = samples.padded_batch(size, drop_remainder=True).map(finish)
        options = tf.data.Options()
        options.autotune.enabled = False
        options.threading.max_intra_op_parallelism = 1
        if tf.config.get_visible_devices("GPU"):
            # A GPU wants more images than the few threads beside the step decode.
            options.threading.private_threadpool_size = PARALLEL
        return batches.prefetch(PREFETCH).with_options(options)

    def _record_number(self, n: int) -> int:
        epoch, position = divmod(n, len(self._index))
        return int(_order(len(self._index), self.seed, epoch)[position]) if self._shuffle else position

    # One image: from its number to what the detector takes

    def _read(self, n: tf.Tensor) -> tuple[tf.Tensor, ...]:
        encoded, boxes, classes = tf.numpy_function(self._load, [n], [tf.string, tf.float32, tf.int32], stateful=False)
        return n, tf.ensure_shape(encoded, []), tf.ensure_shape(boxes, [None, 4]), tf.ensure_shape(classes, [None])

    def _load(self, n: np.ndarray) -> tuple[bytes, np.ndarray, np.ndarray]:
        """Encoded image, boxes and classes (from 0) of sample n. The class's name wins over the number beside it."""
        try:
            number = self._record_number(int(n))
            record = from_example(self._index[number])
            if record.class_text and all(record.class_text):
                unknown = sorted(set(record.class_text) - self._label_map.keys())
                ids = [self._label_map.get(name, 0) for name in record.class_text]
            else:
                unknown = sorted(set(record.classes.tolist()) - set(self._label_map.values()))
                ids = record.classes
            if unknown:
                raise UserError(
                    f"The record of {record.source_id} ({self._index.where(number)}) has boxes of the class "
                    f"{', '.join(map(str, unknown))}, which the label map does not know. It has: "
                    f"{', '.join(self._label_map)}. Make the records again with this label map."
                )
            return record.encoded, record.boxes, np.asarray(ids, np.int32) - np.int32(1)
        except Exception as error:
            # TensorFlow would turn it into an error of its own; `Batches` raises this one.
            self._failure = self._failure or error
            raise

    def _prepare(self, n: tf.Tensor, encoded: tf.Tensor, boxes: tf.Tensor, classes: tf.Tensor) -> tuple[tf.Tensor, ...]:
        example = TrainingExample(decode(encoded), boxes, classes, tf.ones_like(classes, tf.float32))
        example = self._augment(example, tf.stack([tf.constant(self.seed, tf.int64), n]))
        image, true_shape = self.preprocess(example.image)
        boxes, classes, weights = (column[: self._most] for column in (example.boxes, example.classes, example.weights))
        return image, true_shape, boxes, classes, weights, tf.shape(image), tf.shape(boxes)[0]

    def _finish(
        self,
        images: tf.Tensor,
        true_shapes: tf.Tensor,
        boxes: tf.Tensor,
        classes: tf.Tensor,
        weights: tf.Tensor,
        sizes: tf.Tensor,
        num_boxes: tf.Tensor,
    ) -> Batch:
        if np.any(self.padding):
            images = tf.where(_inside(sizes, tf.shape(images)), images, tf.constant(self.padding, tf.float32))
        return Batch(images, true_shapes, Groundtruth(boxes, classes, weights, num_boxes))


def build(
    config: Message,
    records: Sequence[Path],
    label_map: Mapping[str, int],
    preprocess: Preprocess,
    seed: int,
    *,
    padding: np.ndarray | float = 0.0,
    part: tuple[int, int] = (0, 1),
) -> Inputs:
    """The training data that a TrainEvalPipelineConfig describes, in `train_config` and `train_input_reader`."""
    training, reader = config.train_config, config.train_input_reader
    return Inputs(
        records,
        label_map,
        preprocess,
        build_augmentation(training.data_augmentation_options),
        batch_size=training.batch_size,
        shuffle=reader.shuffle,
        max_number_of_boxes=reader.max_number_of_boxes,
        seed=seed,
        padding=padding,
        part=part,
    )


def build_augmentation(options: Sequence[Message]) -> Augmentation:
    """One augmentation that applies a list of `PreprocessingStep` messages in their order."""
    return in_order([parts.make(option) for option in options])


class Batches:
    """An iterator over batches; an error in the input is raised as what it was, not as TensorFlow's.

    It is closed when no more are wanted: TensorFlow's threads read ahead with functions of Python, and when Python ends
    while one of them is at it, the process waits for it forever.
    """

    def __init__(self, inputs: Inputs, start: int, dataset: tf.data.Dataset):
        self._inputs = inputs
        self._step = start
        self._iterator = iter(dataset)
        self.spec: Batch = dataset.element_spec

    def __iter__(self) -> "Batches":
        return self

    def __next__(self) -> Batch:
        try:
            batch = next(self._iterator)
        except tf.errors.OpError as error:
            reason = error.message.splitlines()[0]
        else:
            self._step += 1
            return batch
        # Not within the block above: TensorFlow's error would come along, and keep the iterator.
        if self._inputs._failure is not None:
            raise self._inputs._failure
        names = ", ".join(self._inputs.source_ids(self._step))
        raise UserError(f"One of the images {names} of the training records cannot be decoded: {reason}")

    def close(self) -> None:
        """Stop reading ahead, and wait until nothing is being read."""
        self._iterator = None


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """An encoded image as uint8 [H, W, 3] RGB: JPEG by libjpeg's accurate inverse DCT, or PNG, BMP, GIF."""
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False),
    )
    return tf.ensure_shape(image, [None, None, 3])


@lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> np.ndarray:
    """The permutation of 0 .. count - 1 in which an epoch takes the records."""
    return np.random.Generator(np.random.PCG64([seed, epoch])).permutation(count)


def _inside(sizes: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    """bool [B, h, w, 1]: which pixels of the batch belong to an image, whose `sizes` are int32 [B, 3]."""
    rows = tf.range(shape[1])[None, :, None, None] < sizes[:, 0, None, None, None]
    columns = tf.range(shape[2])[None, None, :, None] < sizes[:, 1, None, None, None]
    return rows & columns
