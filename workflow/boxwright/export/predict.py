"""Predict with an exported detector: drawn images, boxes as JSON, and Pascal VOC XML to correct and train again."""

import itertools
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from boxwright.console import progress
from boxwright.core import files
from boxwright.core.errors import UserError
from boxwright.core.names import shown
from boxwright.core.wording import few, plural
from boxwright.dataset import scan
from boxwright.dataset.formats import voc
from boxwright.dataset.samples import Box
from boxwright.export.tables import Tables
from boxwright.images import drawing, drawn, loader, sizes
from boxwright.runtimes import Detect

# Thin coloured lines stay sharp only when the colour is not stored at half resolution.
_JPEG = {"quality": 92, "subsampling": 0}


@dataclass(frozen=True)
class ImageFile:
    """An image file and its name: its path relative to the given folder, with "/"."""

    path: Path
    name: str


def find(folder: str | Path, results: str | None = None) -> list[ImageFile]:
    """All image files below `folder`, by name, without results (`scan.images_below`); UserError if there is none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder} to predict on (predict.images).")
    found = [ImageFile(folder / name, name) for name in scan.images_below(str(folder), results)]
    if not found:
        raise UserError(
            f"The folder {folder} holds no image to predict on (predict.images); image files end in "
            f"{', '.join(loader.EXTENSIONS)}."
        )
    return found


def run(
    detect: Detect,
    names: Mapping[int, str],
    images: Sequence[ImageFile],
    out: str | Path,
    *,
    score_threshold: float = 0.5,
    line_thickness: int = 4,
    max_pixels: int | None = None,
    tables: bool = False,
    keep: bool = False,
) -> dict[str, int]:
    """Run an exported detector on `images` and write the folder `out`, completely or not at all.

    detect: the loaded detector (`runtimes`); names: of its classes, by their ids. For an image named `a/b.png` it
    writes `a/b.jpg` (drawn), `a/b.json` (boxes normalised:
    `{image, width, height, detections: [{class, id, score, box: [ymin, xmin, ymax, xmax]}]}`, best first) and `a/b.xml`
    (Pascal VOC, whole pixels). If images would share these names, the full names are used (`a/b.png.jpg`). With
    `tables` it also writes the detections on all images as CSV and as COCO's results (`export.tables`). Only detections
    from `score_threshold` on are written.

    An image that cannot be read, that is too large (`max_pixels`, the setting of a run, and `images.sizes`), or on
    which the detector fails, is reported, counted and skipped. With `keep`, a keyboard interrupt leaves the folder with
    what is finished. Returns the counts `{images, unreadable, detections}`; raises UserError if no image can be read.
    """
    unreadable: list[str] = []
    table, interrupted, begun = Tables(names), False, None
    stems = dict(zip([one.name for one in images], _stems(images, Tables.NAMES if tables else ()), strict=True))
    with files.whole_folder(out) as folder:
        tracked = progress.track(images, label="Predicting", unit="images")
        try:
            for file, image, answer in _detected(detect, tracked, max_pixels, unreadable):
                found = confident(answer, names, score_threshold)
                begun = folder / stems[file.name]
                _write(begun, file, image, found, line_thickness)
                table.add(shown(file.name), image.shape[1], image.shape[0], found)
                begun = None
        except KeyboardInterrupt:
            if not keep or not table.images:
                raise
            interrupted = True
            if begun is not None:
                _remove(begun)
        if tables:
            table.write(folder)
    if interrupted:
        progress.say(f"The results on {table.images} of {plural(len(images), 'image')} are kept: {out}")
        raise KeyboardInterrupt
    counts = {"images": table.images, "unreadable": len(unreadable), "detections": table.detections}
    left_out = f"; {len(unreadable)} left out: {few(unreadable, 5)}" if unreadable else ""
    progress.conclude(f"{plural(table.detections, 'object')} on {plural(counts['images'], 'image')}{left_out}")
    return counts


def lines(
    detect: Detect, names: Mapping[int, str], images: Sequence[ImageFile], score_threshold: float = 0.5
) -> Iterator[str]:
    """The content of each image's JSON file (see `run`) on one line, as soon as it is detected.

    Raises UserError at the end if no image can be read.
    """
    for file, image, answer in _detected(detect, images, None, []):
        found = confident(answer, names, score_threshold)
        yield json.dumps(_content(shown(file.name), image.shape[1], image.shape[0], found), ensure_ascii=False)


class Watched:
    """A detector that remembers the highest score it gave, for those who find nothing."""

    def __init__(self, detect: Detect) -> None:
        self._detect = detect
        self.highest = 0.0

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        answer = self._detect(images)
        # Through its decimal text, as in `confident`.
        self.highest = max(self.highest, float(str(np.max(answer["detection_scores"], initial=0.0))))
        return answer

    def nothing_found(self, threshold: float) -> str:
        """That no score reached the threshold, and how high the highest was; "" if one did."""
        if self.highest >= threshold:
            return ""
        if not self.highest:
            return "Nothing was found, with any score."
        # Rounded down, as it is below the threshold.
        highest = math.floor(self.highest * 1000) / 1000
        told = f"the highest is {highest:.3f}" if highest else "all are below 0.001"
        return f"No score reaches `--score-threshold`, {threshold:g}: {told}. Set a lower one to see what has it."


def readable(images: Iterable[ImageFile]) -> list[np.ndarray]:
    """The images that can be read, uint8 [H, W, 3]; others are said, as `run` does. UserError if none can be."""

    def nothing(image: np.ndarray) -> dict[str, np.ndarray]:
        return {}

    return [image for _, image, _ in _detected(nothing, images, None, [])]


def _detected(
    detect: Detect, images: Iterable[ImageFile], max_pixels: int | None, unreadable: list[str]
) -> Iterator[tuple[ImageFile, np.ndarray, dict[str, np.ndarray]]]:
    """Each image that can be read, uint8 [H, W, 3], with its detections; other images' names join `unreadable`.

    Raises UserError at the end if no image can be read.
    """
    read = False
    limit = (loader.MAX_PIXELS, "Scale it down.") if max_pixels is None else (max_pixels,)
    for file in images:
        try:
            image = loader.load_rgb(file.path, *limit)
            if why := sizes.too_long(image.shape[1], image.shape[0]):
                raise UserError(f"{file.path} is too large: {why}.")
            answer = answer_on(image, detect, str(file.path))
        except (UserError, OSError) as error:
            unreadable.append(shown(file.name))
            progress.warn(f"Left out: {shown(str(error))}")
        else:
            read = True
            yield file, image, answer
    if not read:
        which = "The only image cannot" if len(unreadable) == 1 else f"None of the {len(unreadable)} images can"
        raise UserError(f"{which} be read: {few(unreadable, 5)}.")


def answer_on(image: np.ndarray, detect: Detect, name: str) -> dict[str, np.ndarray]:
    """The detections on one image. Raises UserError if the runtime fails, as some do on extreme sizes."""
    try:
        return detect(image[np.newaxis])
    except Exception as error:  # every runtime has kinds of its own
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        size = f"{image.shape[1]}x{image.shape[0]}"
        raise UserError(f"{name}: the detector fails on this image of {size} pixels ({said}).") from error


def confident(answer: Mapping[str, np.ndarray], names: Mapping[int, str], threshold: float) -> list[dict[str, Any]]:
    """The detections of one image from the threshold on, in the form of its JSON file."""
    count = int(answer["num_detections"][0]) if "num_detections" in answer else None
    rows = zip(
        answer["detection_classes"][0, :count].astype(int).tolist(),
        answer["detection_scores"][0],
        answer["detection_boxes"][0],
        strict=False,
    )
    # Through the decimal text of a float32, so that 0.9 is not written as 0.8999999762.
    return [
        {
            "class": names.get(number, f"class {number}"),
            "id": number,
            "score": float(str(score)),
            "box": [float(str(side)) for side in box],
        }
        for number, score, box in rows
        if score >= threshold
    ]


def shows(image: np.ndarray, found: Sequence[Mapping[str, Any]], thickness: int) -> np.ndarray:
    """The image with its detections drawn."""
    return drawing.boxes(
        image,
        np.array([one["box"] for one in found]).reshape(-1, 4),
        [one["id"] for one in found],
        [f"{one['class']} {one['score']:.2f}" for one in found],
        thickness=thickness,
    )


def _write(stem: Path, file: ImageFile, image: np.ndarray, found: list[dict], thickness: int) -> None:
    height, width, _ = image.shape
    stem.parent.mkdir(parents=True, exist_ok=True)
    drawn.save(Image.fromarray(shows(image, found, thickness)), _with_suffix(stem, ".jpg"), **_JPEG)
    _with_suffix(stem, ".json").write_text(_json(shown(file.name), width, height, found), encoding="utf-8")
    voc.write(
        _with_suffix(stem, ".xml"),
        filename=shown(file.path.name),
        folder=shown(file.path.parent.name),
        width=width,
        height=height,
        boxes=[_pixel_box(one, width, height) for one in found],
    )


def _remove(stem: Path) -> None:
    """Remove what was written about an image that was not finished."""
    for suffix in (".jpg", ".json", ".xml"):
        _with_suffix(stem, suffix).unlink(missing_ok=True)


def _content(name: str, width: int, height: int, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"image": name, "width": width, "height": height, "detections": list(found)}


def _json(name: str, width: int, height: int, found: Sequence[Mapping[str, Any]]) -> str:
    """The content of an image's JSON file, one detection per line."""
    head = json.dumps(_content(name, width, height, []), ensure_ascii=False)
    lines = ",".join("\n  " + json.dumps(one, ensure_ascii=False) for one in found)
    return f"{head[:-2]}{lines}{chr(10) if found else ''}]}}\n"


def _pixel_box(one: Mapping[str, Any], width: int, height: int) -> Box:
    ymin, xmin, ymax, xmax = one["box"]
    return Box(one["class"], xmin * width, ymin * height, xmax * width, ymax * height)


def _stems(images: Sequence[ImageFile], taken: Sequence[str] = ()) -> list[str]:
    """The path of each image's results below the output folder, without suffix; all different and none `taken`.

    Names that differ only in case are the same file on some systems.
    """
    short = [str(PurePosixPath(one.name).with_suffix("")) for one in images]
    used = {PurePosixPath(name).stem for name in taken}
    # `a.png.jpg` without its ending is the full name of `a.png`, which `a.png` needs beside `a.jpg`.
    count = Counter([*map(str.lower, short), *used, *(one.name.lower() for one in images)])
    stems = []
    for stem, one in zip(short, images, strict=True):
        found = wanted = stem if count[stem.lower()] == 1 else one.name
        for number in itertools.count(2):
            if found.lower() not in used:
                break
            found = f"{wanted}-{number}"
        used.add(found.lower())
        stems.append(found)
    return stems


def _with_suffix(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)
