"""The batches of a training run, as a pure function of (seed, step).

Batch `step` holds samples `step * B` to `step * B + B - 1`. With N records, sample n is number n % N in the permutation
of epoch n // N, and its augmentation draws from the stateless seed (seed, n). So a run can start at any step at no
cost, and a run in several segments sees the same batches as a run in one.

Records are found through an index of their offsets and read in order, by one Python call each; decoding, augmentation
and resizing run in TensorFlow's own threads, beside the training step. An image is resized before it waits for its
batch, so the memory needed depends only on the batch.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import compress
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

# Images decoded at once, and batches waiting for the training step: more would cost memory without saving time.
PARALLEL = min(devices.processors(), 16)
PREFETCH = 2

# From an image [H, W, 3], 0 to 255, to the detector's input, float32 [h, w, C], and its shape without padding.
Preprocess = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class Batch(NamedTuple):
    """B images ready for the detector: `images` float32 [B, h, w, 3], `true_shapes` int32 [B, 3], and their boxes."""

    images: tf.Tensor
    true_shapes: tf.Tensor
    groundtruth: Groundtruth


class Inputs:
    """The training data of one model.

    records: the train shards in a fixed order. label_map: ids (from 1) by class name. preprocess: the detector's.
    augment: augments each image before preprocessing. batch_size: images of a batch. shuffle: take the records in a new
    random order every epoch. max_number_of_boxes: how many boxes of an image are kept, the first ones. padding: float32
    [C] or a number that pads smaller images of a batch, below and to the right. part: (i, n) limits every batch to part
    i of n, counted from 0, for n machines that share it.
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
        # Without AutoGraph, which these functions do not need and which would take seconds to convert them.
        read, prepare, finish = map(tf.autograph.experimental.do_not_convert, (self._read, self._prepare, self._finish))
        samples = samples.map(read, num_parallel_calls=1)
        samples = samples.map(prepare, num_parallel_calls=PARALLEL, deterministic=True)
        batches = samples.padded_batch(size, drop_remainder=True).map(finish)
        options = tf.data.Options()
        options.autotune.enabled = False
        options.threading.max_intra_op_parallelism = 1
        if tf.config.get_visible_devices("GPU"):
            # A GPU needs more images than the few threads beside the step can decode.
            options.threading.private_threadpool_size = PARALLEL
        return batches.prefetch(PREFETCH).with_options(options)

    def _record_number(self, n: int) -> int:
        epoch, position = divmod(n, len(self._index))
        return int(_order(len(self._index), self.seed, epoch)[position]) if self._shuffle else position

    # One image: from its number to the detector's input

    def _read(self, n: tf.Tensor) -> tuple[tf.Tensor, ...]:
        kinds = [tf.string, tf.float32, tf.int32, tf.float32]
        loaded = tf.numpy_function(self._load, [n], kinds, stateful=False)
        shapes = ([], [None, 4], [None], [None, 4])
        return n, *(tf.ensure_shape(tensor, shape) for tensor, shape in zip(loaded, shapes, strict=True))

    def _load(self, n: np.ndarray) -> tuple[bytes, np.ndarray, np.ndarray, np.ndarray]:
        """Encoded image, boxes, their classes (from 0) and ignore regions of sample n.

        Class names, if present, override the numbers.
        """
        try:
            number = self._record_number(int(n))
            record = from_example(self._index[number])
            objects = ~record.is_crowd
            texts, ids = list(compress(record.class_text, objects)), record.classes[objects]
            if texts and all(texts):
                unknown = sorted(set(texts) - self._label_map.keys())
                ids = [self._label_map.get(name, 0) for name in texts]
            else:
                unknown = sorted(set(ids.tolist()) - set(self._label_map.values()))
            if unknown:
                raise UserError(
                    f"The record of {record.source_id} ({self._index.where(number)}) has boxes of the class "
                    f"{', '.join(map(str, unknown))}, which the label map does not contain. It has: "
                    f"{', '.join(self._label_map)}. Make the records again with this label map."
                )
            classes = np.asarray(ids, np.int32) - np.int32(1)
            return record.encoded, record.boxes[objects], classes, record.boxes[record.is_crowd]
        except Exception as error:
            # TensorFlow replaces it by an error of its own, so `Batches` raises this one.
            self._failure = self._failure or error
            raise

    def _prepare(
        self, n: tf.Tensor, encoded: tf.Tensor, boxes: tf.Tensor, classes: tf.Tensor, regions: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        example = TrainingExample(decode(encoded), boxes, classes, tf.ones_like(classes, tf.float32), regions)
        example = self._augment(example, tf.stack([tf.constant(self.seed, tf.int64), n]))
        image, true_shape = self.preprocess(example.image)
        boxes, classes, weights = (column[: self._most] for column in (example.boxes, example.classes, example.weights))
        return image, true_shape, boxes, classes, weights, tf.shape(image), tf.shape(boxes)[0], example.regions

    def _finish(
        self,
        images: tf.Tensor,
        true_shapes: tf.Tensor,
        boxes: tf.Tensor,
        classes: tf.Tensor,
        weights: tf.Tensor,
        sizes: tf.Tensor,
        num_boxes: tf.Tensor,
        regions: tf.Tensor,
    ) -> Batch:
        if np.any(self.padding):
            images = tf.where(_inside(sizes, tf.shape(images)), images, tf.constant(self.padding, tf.float32))
        return Batch(images, true_shapes, Groundtruth(boxes, classes, weights, num_boxes, regions))


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
    """An iterator over batches; it raises an input error as the original exception, not as TensorFlow's.

    Close it when no more batches are needed: TensorFlow's threads read ahead with Python functions, and if Python exits
    while one of them runs, the process hangs.
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
        # Outside the block above: otherwise TensorFlow's error would be chained, and keep the iterator alive.
        if self._inputs._failure is not None:
            raise self._inputs._failure
        names = ", ".join(self._inputs.source_ids(self._step))
        raise UserError(f"One of these images of the training records cannot be decoded: {names} ({reason})")

    def close(self) -> None:
        """Stop reading ahead, and wait until all reads have ended."""
        self._iterator = None


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """An encoded image as uint8 [H, W, 3] RGB: JPEG (with libjpeg's accurate inverse DCT), PNG, BMP or GIF."""
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
