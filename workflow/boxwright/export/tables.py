"""The detections on many images in one file: as CSV, and in the format of COCO's results."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar


class Tables:
    """Collects detections and writes both files.

    Boxes are in pixels of the image: left, top, right, bottom in the CSV file; left, top, width, height in COCO's.
    COCO's images are numbered from 1, and named beside each result.
    """

    CSV, COCO = "detections.csv", "detections_coco.json"
    NAMES: ClassVar[tuple[str, str]] = (CSV, COCO)
    HEAD: ClassVar[tuple[str, ...]] = (
        *("image", "width", "height", "class", "id", "score"),
        *("xmin", "ymin", "xmax", "ymax"),
    )

    def __init__(self) -> None:
        self._rows: list[tuple] = []
        self._results: list[dict[str, Any]] = []
        self._images = 0

    @property
    def detections(self) -> int:
        """How many there are."""
        return len(self._rows)

    def add(self, image: str, width: int, height: int, found: Sequence[Mapping[str, Any]]) -> None:
        """Add the detections of one more image: [{class, id, score, box: [ymin, xmin, ymax, xmax] from 0 to 1}]."""
        self._images += 1
        for one in found:
            top, left, bottom, right = (
                round(side * length, 2) for side, length in zip(one["box"], (height, width) * 2, strict=True)
            )
            self._rows.append((image, width, height, one["class"], one["id"], one["score"], left, top, right, bottom))
            self._results.append(
                {
                    "image_id": self._images,
                    "file_name": image,
                    "category_id": one["id"],
                    "bbox": [left, top, round(right - left, 2), round(bottom - top, 2)],
                    "score": one["score"],
                }
            )

    def write(self, folder: Path) -> None:
        """Write both files into a folder."""
        with (folder / self.CSV).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([self.HEAD, *self._rows])
        lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in self._results)
        (folder / self.COCO).write_text(f"[\n{lines}\n]\n", encoding="utf-8")
