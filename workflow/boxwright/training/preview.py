"""A preview of the training inputs for TensorBoard: augmented images with the boxes that go into the loss.

It shows images of the first batches, and of the last batch before each checkpoint. They depend only on the
configuration, the data and the seed, so they are drawn separately, before the training: the training loses no time, and
a change of the drawing never causes a model to be trained again.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import Message

from boxwright.core.files import writing
from boxwright.detector import build
from boxwright.images import drawing
from boxwright.pipeline import text
from boxwright.records.events import EventWriter
from boxwright.training import inputs
from boxwright.training.inputs import Batch, Inputs

# At the beginning: enough to see what the augmentation does.
PICTURES = 8
# If there are more checkpoints than this, only this many are shown, spread over all.
MOST_CHECKPOINTS = 20
_MOST_PER_BATCH = 4
# The longer side of a picture.
_SIDE = 640


def write(
    path: str | Path,
    config: Message,
    records: Sequence[Path],
    label_map: Mapping[str, int],
    *,
    seed: int,
    checkpoints: Sequence[int] = (),
) -> None:
    """Write an event file with pipeline.config as text and some images of some batches, each at its step.

    config: TrainEvalPipelineConfig; records: the train shards in the same order as in the training; label_map: class
    name -> id; seed: the training's; checkpoints: the steps at which it saves. Raises UserError as `Inputs` does.
    """
    data = inputs.build(config, records, label_map, build.preprocessing(config.model), seed)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / Path(path).name
        with EventWriter(whole) as writer:
            writer.text(0, "pipeline.config", f"```\n{text.to_text(config)}\n```")
            for step, number, picture in pictures(data, label_map, checkpoints):
                writer.image(step, f"train_input_images/{number}", picture)
        with writing(path) as file:
            file.write(whole.read_bytes())


def pictures(
    data: Inputs, label_map: Mapping[str, int], checkpoints: Sequence[int] = ()
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Step, place in its batch and picture (uint8 [h, w, 3]) of images of some batches. Padding is cut off.

    For the first batches, the step of a picture is the number of steps before its batch; for the last batch before a
    checkpoint it is the checkpoint's step.
    """
    names = {number - 1: name for name, number in label_map.items()}
    black, white, *colours = (_normalised(data, colour) for colour in (0, 255, *np.eye(3) * 255))
    # Where each colour went: some networks take blue first.
    order = [int(np.abs(colour - black).argmax()) for colour in colours] if len(black) == 3 else [0]
    shown = min(_MOST_PER_BATCH, data.batch_size)
    for step, batch in _batches(data, -(-PICTURES // shown), checkpoints):
        truth = batch.groundtruth
        for place in range(shown):
            height, width, _ = batch.true_shapes[place].numpy()
            # Normalisation is linear in each channel, so its results for black and white tell how to undo it.
            pixels = ((batch.images[place, :height, :width].numpy() - black) / (white - black))[..., order]
            coloured = np.broadcast_to(pixels, (height, width, 3))  # the channel of a gray image three times
            picture = drawing.shrunk(np.round(255 * np.clip(coloured, 0, 1)).astype(np.uint8), _SIDE)
            count = int(truth.num_boxes[place])
            classes = truth.classes[place, :count].numpy().tolist()
            regions = truth.regions[place].numpy()
            regions = regions[regions.any(axis=1)]  # without padding
            yield (
                step,
                place,
                drawing.boxes(
                    picture,
                    np.concatenate([truth.boxes[place, :count].numpy(), regions]),
                    [number + 1 for number in classes] + [0] * len(regions),
                    [names[number] for number in classes] + ["ignored"] * len(regions),
                    thickness=max(2, round(max(picture.shape) / 200)),
                ),
            )


def _normalised(data: Inputs, colour: float | np.ndarray) -> np.ndarray:
    """A pixel of one colour, 0 to 255, as the network gets it."""
    return data.preprocess(tf.constant(np.full([64, 64, 3], colour, np.uint8)))[0][0, 0].numpy()


def _batches(data: Inputs, first: int, checkpoints: Sequence[int]) -> Iterator[tuple[int, Batch]]:
    """The `first` batches and those that end at a checkpoint, each with its step."""
    yield from enumerate(data.batches(0, first))
    later = [step for step in checkpoints if step > first]
    count = min(MOST_CHECKPOINTS, len(later))
    for position in np.linspace(0, len(later) - 1, count).round().astype(int).tolist():
        step = later[position]
        yield step, next(data.batches(step - 1, step))
