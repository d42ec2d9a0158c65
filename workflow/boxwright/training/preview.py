"""What a training is fed with, for TensorBoard: the first images, augmented, with the boxes that go into the loss.

They depend on the configuration, the data and the seed alone, so they are drawn apart from the training: another way to
draw never trains anything again.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import Message

from boxwright.detector import builder
from boxwright.figures import draw
from boxwright.files import writing
from boxwright.pipeline import text
from boxwright.records.events import EventWriter
from boxwright.training.inputs import Inputs, Preprocess

# Enough to see what the augmentation does.
PICTURES = 8
_MOST_PER_BATCH = 4
# The longer side of a picture.
_SIDE = 640


def write(
    path: str | Path, config: Message, records: Sequence[Path], label_map: Mapping[str, int], *, seed: int
) -> None:
    """Write an event file with pipeline.config as text and the images of the first batches, each at its step.

    config: TrainEvalPipelineConfig; records: the train shards in the order in which the training takes them; label_map:
    class name -> id; seed: the training's. Raises UserError as `Inputs` does.
    """
    preprocess = builder.build(config.model, seed).preprocess
    inputs = Inputs(config, records, label_map, preprocess, seed)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / Path(path).name
        with EventWriter(whole) as writer:
            writer.text(0, "pipeline.config", f"```\n{text.to_text(config)}\n```")
            for step, number, picture in pictures(inputs, preprocess, label_map):
                writer.image(step, f"train_input_images/{number}", picture)
        with writing(path) as file:
            file.write(whole.read_bytes())


def pictures(
    inputs: Inputs, preprocess: Preprocess, label_map: Mapping[str, int]
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Step, place in its batch and picture (uint8 [h, w, 3]) of images of the first batches. Padding is cut off."""
    names = {number - 1: name for name, number in label_map.items()}
    levels = (tf.fill([64, 64, 3], tf.constant(level, tf.uint8)) for level in (0, 255))
    black, white = (preprocess(image)[0][0, 0].numpy() for image in levels)
    shown = min(_MOST_PER_BATCH, inputs.batch_size)
    for step, batch in enumerate(inputs.batches(0, -(-PICTURES // shown))):
        truth = batch.groundtruth
        for place in range(shown):
            height, width, _ = batch.true_shapes[place].numpy()
            # Normalisation is linear in each channel: what it makes of black and white tells how to undo it.
            pixels = (batch.images[place, :height, :width].numpy() - black) / (white - black)
            picture = draw.shrunk(np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8), _SIDE)
            count = int(truth.num_boxes[place])
            classes = truth.classes[place, :count].numpy().tolist()
            yield (
                step,
                place,
                draw.boxes(
                    picture,
                    truth.boxes[place, :count].numpy(),
                    [number + 1 for number in classes],
                    [names[number] for number in classes],
                    thickness=max(2, round(max(picture.shape) / 200)),
                ),
            )
