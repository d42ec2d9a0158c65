"""TensorBoard event files under a fixed name, written without TensorFlow.

TensorFlow puts time, host and process id into the name of an event file, so a workflow cannot declare it as an output.
Here the caller chooses the name. TensorBoard recognises an event file by "tfevents" in its name.

TensorBoard reads the files of one folder in the order of their names, and a step that comes after a higher one makes it
forget the steps in between. Of files numbered 500, 1000 and 1500, which sort as 1000, 1500, 500, it shows only the
steps up to 500. `file_name` gives names that sort in the order of their steps.
"""

import io
import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from google.protobuf.message import Message
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.util.tensor_util import make_tensor_proto

from boxwright import tfrecord
from boxwright.images import drawn

# These images are only looked at, and as PNG they would be ten times as large. Without chroma subsampling
# (4:4:4), thin coloured lines of drawn boxes stay sharp.
_JPEG = {"quality": 90, "subsampling": 0}


def file_name(step: int) -> str:
    """The name of the event file of the segment or evaluation that ends at `step`."""
    return f"events.out.tfevents.{step:010d}"


class EventWriter:
    """Write summaries for TensorBoard to `path`, replacing a file that is there.

    Each call reaches the operating system before it returns, so the run can be watched live. Values are stored as
    TensorFlow 2 does: tensors with the name of the plugin that shows them.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        if "tfevents" not in self.path.name:
            raise ValueError(f'TensorBoard ignores {self.path}: the name of an event file must hold "tfevents"')
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("wb")
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write one number per tag."""
        summary = Summary()
        for tag, value in values.items():
            summary.MergeFrom(scalar_pb(tag, float(value)))
        self.proto(step, summary)

    def image(self, step: int, tag: str, image: np.ndarray) -> None:
        """Write one image, uint8 [height, width, 3] RGB, stored as JPEG."""
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"expected uint8 [height, width, 3], got {image.dtype} {list(image.shape)}")
        encoded = io.BytesIO()
        drawn.save(Image.fromarray(image), encoded, **_JPEG)
        height, width, _ = image.shape
        parts = np.array([str(width).encode(), str(height).encode(), encoded.getvalue()], dtype=object)
        metadata = image_metadata.create_summary_metadata(display_name=None, description=None)
        value = Summary.Value(tag=tag, metadata=metadata, tensor=make_tensor_proto(parts))
        self.proto(step, Summary(value=[value]))

    def text(self, step: int, tag: str, text: str) -> None:
        """Write one text; TensorBoard shows it as Markdown."""
        self.proto(step, text_pb(tag, text))

    def proto(self, step: int, summary: Message) -> None:
        """Write a summary message that a TensorBoard plugin made (for example a precision-recall curve).

        Some plugins make it with TensorBoard's class and some with TensorFlow's; both have the same bytes.
        """
        summary = Summary.FromString(summary.SerializeToString())
        self._write(Event(wall_time=time.time(), step=step, summary=summary))

    def close(self) -> None:
        """Close the file; writing ends."""
        self._file.close()

    def __enter__(self) -> "EventWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, event: Event) -> None:
        tfrecord.write(self._file, event.SerializeToString())
        self._file.flush()
