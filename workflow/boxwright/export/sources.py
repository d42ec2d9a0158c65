"""What a detector is tried on, as a command line names it: images, folders and patterns, or a video or camera."""

import glob
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from boxwright.console import progress
from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural
from boxwright.dataset import scan
from boxwright.export.predict import ImageFile
from boxwright.images import drawn, loader


def images(given: Sequence[str]) -> list[ImageFile]:
    """The images that are named, those in folders that are named (searched recursively), and those of patterns.

    Each has another name: its path below the folder that was named, with that folder's name where there are several.
    Images in folders and of patterns on which boxes were drawn, as those of an earlier call, are passed over. Raises
    UserError about everything that is not there, and if there is no image.
    """
    missing, places = [], []
    named = [Path(one) for one in given]
    for one in given:
        # As functions: they take absolute patterns, and names that are too long for a file.
        matches = [one] if os.path.exists(one) else sorted(glob.glob(one, recursive=True))  # noqa: PTH110, PTH207
        places += map(Path, matches)
        if not matches:
            pattern = glob.has_magic(one)
            missing.append(f"{'Nothing fits the pattern' if pattern else 'There is no file or folder'} {one}.")
    if missing:
        raise UserError("\n".join(missing))
    if foreign := [str(one) for one in named if one.is_file() and not _is_image(one)]:
        are = "are no images" if foreign[1:] else "is no image"
        raise UserError(f"{few(foreign)} {are}; image files end in {', '.join(loader.EXTENSIONS)}.")
    found = []
    for place in dict.fromkeys(places):
        if place.is_dir():
            before = f"{place.resolve().name}/" if len(places) > 1 else ""
            found += [ImageFile(place / name, before + name) for name in scan.images_below(str(place))]
        else:
            found.append(ImageFile(place, place.name))
    if not found:
        raise UserError(f"There is no image in {', '.join(given)}; image files end in {', '.join(loader.EXTENSIONS)}.")
    plain = [one for one in found if one.path in named or not _is_drawn(one.path)]
    if len(plain) < len(found):
        progress.say(f"Passed over: {plural(len(found) - len(plain), 'image')} with boxes that boxwright drew.")
    if not plain:
        raise UserError(f"On every image in {', '.join(given)} boxwright drew boxes; name images without any.")
    found, count = plain, Counter(one.name for one in plain)
    return [
        one if count[one.name] == 1 else ImageFile(one.path, f"{number:05}/{one.name}")
        for number, one in enumerate(found, start=1)
    ]


def _is_image(path: Path) -> bool:
    """Whether a file is an image by its ending or, without such an ending, by its content."""
    if path.suffix.lower() in loader.EXTENSIONS:
        return True
    try:
        with path.open("rb") as file:
            return bool(loader.probe(file.read(drawn.HEAD)).format)
    except OSError:
        return True  # who reads the image says why it cannot be read


def _is_drawn(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return drawn.is_drawn(file.read(drawn.HEAD))
    except OSError:
        return False  # who reads the image says why it cannot be read


class Frame(NamedTuple):
    """A frame of a video: its pixels, uint8 [H, W, 3], and the seconds from the first one on."""

    image: np.ndarray
    seconds: float


class Video:
    """The frames of a video file, or of a camera by its number.

    name: for what is written. frames_per_second: on average, as the file says, 25 if it does not. total: the number of
    frames, None if it is not known. problem: after the frames, why they ended early; "" if they did not. Raises
    UserError for what cannot be opened or has no video.
    """

    problem = ""

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

    def __iter__(self) -> Iterator[Frame]:
        """Each frame, turned as it is shown. What follows a damaged place is left out (`problem`)."""
        import av

        number, first = 0, None
        try:
            for number, frame in enumerate(self._container.decode(video=0), start=1):
                # Times need not begin at 0, and not every file has them.
                first = frame.time if first is None else first
                seconds = (number - 1) / self.frames_per_second if frame.time is None else frame.time - first
                # Counted against the clock, in steps of a quarter turn.
                turned = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
                yield Frame(np.ascontiguousarray(turned), round(seconds, 3))
        except av.FFmpegError as error:
            self.problem = f"{self.name} is damaged after frame {number}: {error.strerror}."
        finally:
            self._container.close()
        if self.total and number < self.total:
            said = self.problem or f"{self.name} is incomplete."
            self.problem = f"{said} {number} of the {plural(self.total, 'frame')} that it promises could be read."


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
