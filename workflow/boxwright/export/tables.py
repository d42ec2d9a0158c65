"""The detections on many images in one file: as CSV, and as COCO's results with the images that they are about."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar


class Tables:
    """Collects detections and writes the files.

    Boxes are in pixels of the image: left, top, right, bottom in the CSV file; left, top, width, height in COCO's.
    COCO's images are numbered from 1. A data set numbers them in its own way, so each result names its image, and a
    file with COCO's images and categories says which image, of which size, has which number.
    """

    CSV, COCO, IMAGES = "detections.csv", "detections_coco.json", "images_coco.json"
    NAMES: ClassVar[tuple[str, str, str]] = (CSV, COCO, IMAGES)
    HEAD: ClassVar[tuple[str, ...]] = (
        *("image", "width", "height", "class", "id", "score"),
        *("xmin", "ymin", "xmax", "ymax"),
    )

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
        self._rows: list[tuple] = []
        self._results: list[dict[str, Any]] = []
        self._images: list[dict[str, Any]] = []

    @property
    def images(self) -> int:
        """On how many images."""
        return len(self._images)

    @property
    def detections(self) -> int:
        """How many there are."""
        return len(self._rows)

    def add(self, image: str, width: int, height: int, found: Sequence[Mapping[str, Any]]) -> None:
        """Add the detections of one more image: [{class, id, score, box: [ymin, xmin, ymax, xmax] from 0 to 1}]."""
        self._images.append({"id": self.images + 1, "file_name": image, "width": width, "height": height})
        for one in found:
            top, left, bottom, right = (
                round(side * length, 2) for side, length in zip(one["box"], (height, width) * 2, strict=True)
            )
            self._rows.append((image, width, height, one["class"], one["id"], one["score"], left, top, right, bottom))
            self._results.append(
                {
                    "image_id": self.images,
                    "file_name": image,
                    "category_id": one["id"],
                    "bbox": [left, top, round(right - left, 2), round(bottom - top, 2)],
                    "score": one["score"],
                }
            )

    def write(self, folder: Path) -> None:
        """Write the files into a folder."""
        with (folder / self.CSV).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([self.HEAD, *self._rows])
        categories = [{"id": number, "name": name} for number, name in self._names.items()]
        about = {"images": self._images, "categories": categories, "annotations": []}
        lists = ", ".join(f'"{name}": {_lines(rows)}' for name, rows in about.items())
        (folder / self.COCO).write_text(f"{_lines(self._results)}\n", encoding="utf-8")
        (folder / self.IMAGES).write_text(f"{{{lists}}}\n", encoding="utf-8")


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    """A list of JSON with a line for each row."""
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in rows)
    return f"[\n{lines}\n]"
