"""Detect objects in the frames of a video or a camera: a drawn video, and the boxes of each frame."""

import json
from collections.abc import Mapping
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from boxwright.console import progress
from boxwright.core import files
from boxwright.core.errors import UserError
from boxwright.export import predict
from boxwright.export.sources import Video
from boxwright.export.tables import Tables
from boxwright.runtimes import Detect

# Line thickness in pixels, and the share of the shorter side where that is more.
_THICKNESS, _SHARE = 2, 1 / 240
# The unit of times in the drawn video; MPEG-4 allows none below 1/65535 s.
_TICK = Fraction(1, 1000)


def run(
    detect: Detect, names: Mapping[int, str], video: Video, out: str | Path, score_threshold: float = 0.5
) -> dict[str, int]:
    """Run a detector on each frame of a video and write the folder `out`, completely or not at all.

    It holds `drawn.mp4`, `frames.jsonl` (a line for each frame: {frame, seconds, width, height, detections}), and the
    tables of `export.tables`, in which frames are images. An interrupt and a damaged place end the video there; that
    is said, and what was found before is kept. Returns the counts {frames, detections}. Raises UserError if there is no
    frame.
    """
    tables = Tables(names)
    with files.whole_folder(out) as folder:
        with (
            (folder / "frames.jsonl").open("w", encoding="utf-8") as lines,
            closing(_Writer(folder / "drawn.mp4", video.frames_per_second)) as drawn,
        ):
            try:
                for number, frame in enumerate(
                    progress.track(video, total=video.total, label="Detecting", unit="frames"), start=1
                ):
                    answer = predict.answer_on(frame.image, detect, f"{video.name}, frame {number}")
                    found = predict.confident(answer, names, score_threshold)
                    height, width, _ = frame.image.shape
                    about = {"frame": number, "seconds": frame.seconds, "width": width, "height": height}
                    lines.write(json.dumps({**about, "detections": found}, ensure_ascii=False) + "\n")
                    tables.add(f"{video.name}#{number}", width, height, found)
                    thickness = max(_THICKNESS, round(min(height, width) * _SHARE))
                    drawn.add(predict.shows(frame.image, found, thickness), frame.seconds)
            except KeyboardInterrupt:
                progress.say("Interrupted; the frames so far are kept.")
            except UserError as error:
                video.problem = str(error)
        if not tables.images:
            raise UserError(video.problem or f"{video.name} has no frame.")
        tables.write(folder)
    if video.problem:
        progress.warn(f"{video.problem} What was found before is kept.")
    return {"frames": tables.images, "detections": tables.detections}


class _Writer:
    """Writes frames of one size at their times as a video, H.264 where the library has it."""

    def __init__(self, path: Path, frames_per_second: float) -> None:
        self._path, self._rate = path, Fraction(frames_per_second).limit_denominator(1001)
        self._file: Any = None
        self._last = -1

    def add(self, image: np.ndarray, seconds: float) -> None:
        """Write one more frame, uint8 [H, W, 3], to be shown at a time.

        An odd side loses its last row or column, which the format needs; a single row or column is doubled.
        """
        import av

        if 1 in image.shape[:2]:
            image = np.pad(image, ((0, 1), (0, 1), (0, 0)), mode="edge")
        height, width = (side // 2 * 2 for side in image.shape[:2])
        if self._file is None:
            self._file = av.open(str(self._path), "w")
            codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
            self._stream = self._file.add_stream(codec, rate=self._rate)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.codec_context.time_base = _TICK
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="rgb24")
        # Every frame is later than the one before, also where a camera gives two at once.
        self._last = max(self._last + 1, round(seconds / _TICK))
        frame.pts, frame.time_base = self._last, _TICK
        self._file.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.mux(self._stream.encode())
            self._file.close()
