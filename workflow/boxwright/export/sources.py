"""What a detector is tried on, as a command line names it: images, folders and patterns, or a video or camera."""

import glob
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from boxwright.core.errors import UserError
from boxwright.dataset import scan
from boxwright.export.predict import ImageFile
from boxwright.images import loader

if TYPE_CHECKING:
    pass


def images(given: Sequence[str]) -> list[ImageFile]:
    """The images that are named, those in folders that are named (searched recursively), and those of patterns.

    Each has another name: its path below the folder that was named, with that folder's name where there are several.
    Raises UserError about everything that is not there, and if there is no image.
    """
    missing, places = [], []
    for one in given:
        matches = [one] if Path(one).exists() else sorted(glob.glob(one, recursive=True))  # noqa: PTH207 (absolute patterns)
        places += map(Path, matches)
        if not matches:
            pattern = glob.has_magic(one)
            missing.append(f"{'Nothing fits the pattern' if pattern else 'There is no'} {one}.")
    if missing:
        raise UserError("\n".join(missing))
    found = []
    for place in dict.fromkeys(places):
        if place.is_dir():
            before = f"{place.resolve().name}/" if len(places) > 1 else ""
            found += [ImageFile(place / name, before + name) for name in scan.images_below(str(place))]
        else:
            found.append(ImageFile(place, place.name))
    if not found:
        raise UserError(f"There is no image in {', '.join(given)}; image files end in {', '.join(loader.EXTENSIONS)}.")
    count = Counter(one.name for one in found)
    return [
        one if count[one.name] == 1 else ImageFile(one.path, f"{number:05}/{one.name}")
        for number, one in enumerate(found, start=1)
    ]


class Video:
    """The frames of a video file, or of a camera by its number.

    name: for what is written. frames_per_second: as the file says, 25 if it does not. total: the number of frames, None
    if it is not known. Raises UserError for what cannot be opened or has no video.
    """

    def __init__(self, file: str | None = None, camera: int | None = None) -> None:
        import av

        self.name = f"camera {camera}" if file is None else Path(file).name
        if file is not None and not Path(file).is_file():
            raise UserError(f"There is no video {file} (relative paths start at {Path.cwd()}).")
        address, kind = (file, None) if file is not None else _camera(camera)
        try:
            self._container: av.container.InputContainer = av.open(address, format=kind)
        except (av.FFmpegError, OSError) as error:
            raise UserError(f"{self.name} cannot be opened as a video: {error.strerror or error}.") from error
        if not self._container.streams.video:
            raise UserError(f"{self.name} holds no video.")
        stream = self._container.streams.video[0]
        stream.thread_type = "AUTO"
        self.frames_per_second = float(stream.average_rate or 25)
        self.total = stream.frames or None

    def __iter__(self) -> Iterator[np.ndarray]:
        """Each frame, uint8 [H, W, 3], turned as it is shown. What follows a damaged frame is left out."""
        import av

        try:
            for frame in self._container.decode(video=0):
                # Counted against the clock, in steps of a quarter turn.
                yield np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90)))
        except av.FFmpegError as error:
            raise UserError(f"{self.name} cannot be read further: {error.strerror}.") from error
        finally:
            self._container.close()


def _camera(number: int) -> tuple[str, str]:
    """The address and the kind of a camera of this machine."""
    if sys.platform == "darwin":
        return str(number), "avfoundation"
    device = f"/dev/video{number}"
    if not Path(device).exists():
        here = sorted(path.name.removeprefix("video") for path in Path("/dev").glob("video[0-9]*"))
        raise UserError(
            f"There is no camera {number} ({device}); {'here are ' + ', '.join(here) if here else 'there is none'}."
        )
    return device, "v4l2"
