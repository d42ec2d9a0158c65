"""Generate many annotated JPEGs for benchmarks: `python benchmarks/make_images.py FOLDER --count 100000`.

A few dozen images are drawn and encoded. Every file is one of them with its own comment, so all files differ in their
bytes and hashes at the cost of a copy. Annotations are as labelImg writes them, with 1 to 3 boxes each. Images are in
folder/images/000, 001, ..., a thousand in each, annotations likewise in folder/annotations.
"""

import argparse
import io
import json
import struct
import time
from pathlib import Path

import numpy as np
from PIL import Image

DISTINCT = 32
PER_FOLDER = 1000
CLASSES = ("car", "cat", "dog", "person", "tree")
# Size in pixels, JPEG quality and strength of the noise: an image takes about 2 kB, and about 70 kB.
KINDS = {"small": ((96, 72), 80, 6.0), "ordinary": ((640, 480), 88, 7.0)}


def distinct_jpegs(kind: str) -> list[bytes]:
    """The encoded images that all files are copies of: smooth colour fields with noise."""
    size, quality, noise = KINDS[kind]
    rng = np.random.default_rng(0)
    jpegs = []
    for _ in range(DISTINCT):
        field = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
        pixels = np.asarray(field, np.float32) + rng.normal(0, noise, (*size[::-1], 3))
        encoded = io.BytesIO()
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(encoded, "JPEG", quality=quality)
        jpegs.append(encoded.getvalue())
    return jpegs


def with_comment(jpeg: bytes, comment: bytes) -> bytes:
    """The same image with a COM segment right after the start marker."""
    return b"".join([jpeg[:2], b"\xff\xfe", struct.pack(">H", len(comment) + 2), comment, jpeg[2:]])


def boxes(size: tuple[int, int], number: int) -> list[tuple[str, int, int, int, int]]:
    """One to three boxes, (class, xmin, ymin, xmax, ymax) in pixels, derived from `number`."""
    width, height = size
    found = []
    for i in range(number % 3 + 1):
        xmin, ymin = (number * 7 + i * 29) % (width // 2), (number * 11 + i * 17) % (height // 2)
        xmax, ymax = xmin + width // 4 + number % (width // 4), ymin + height // 4 + number % (height // 4)
        found.append((CLASSES[(number + i) % len(CLASSES)], xmin, ymin, xmax, ymax))
    return found


def annotation(name: str, size: tuple[int, int], number: int) -> str:
    """A labelImg annotation."""
    width, height = size
    objects = []
    for label, xmin, ymin, xmax, ymax in boxes(size, number):
        objects.append(
            f"\t<object>\n\t\t<name>{label}</name>\n\t\t<pose>Unspecified</pose>\n"
            "\t\t<truncated>0</truncated>\n\t\t<difficult>0</difficult>\n\t\t<bndbox>\n"
            f"\t\t\t<xmin>{xmin}</xmin>\n\t\t\t<ymin>{ymin}</ymin>\n\t\t\t<xmax>{xmax}</xmax>\n\t\t\t<ymax>{ymax}</ymax>\n"
            "\t\t</bndbox>\n\t</object>\n"
        )
    return (
        f"<annotation>\n\t<folder>images</folder>\n\t<filename>{name}</filename>\n\t<path>C:\\photos\\{name}</path>\n"
        "\t<source>\n\t\t<database>Unknown</database>\n\t</source>\n"
        f"\t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n\t\t<depth>3</depth>\n\t</size>\n"
        f"\t<segmented>0</segmented>\n{''.join(objects)}</annotation>\n"
    )


def make(folder: Path, count: int, kind: str = "small") -> None:
    """Write `count` images and annotations below `folder`."""
    jpegs = distinct_jpegs(kind)
    size = KINDS[kind][0]
    for number in range(count):
        part = f"{number // PER_FOLDER:03d}"
        if number % PER_FOLDER == 0:
            for side in ("images", "annotations"):
                (folder / side / part).mkdir(parents=True, exist_ok=True)
        stem = f"photo_{number:07d}"
        (folder / "images" / part / f"{stem}.jpg").write_bytes(with_comment(jpegs[number % DISTINCT], stem.encode()))
        (folder / "annotations" / part / f"{stem}.xml").write_text(annotation(f"{stem}.jpg", size, number))


def annotate(folder: Path, count: int, form: str, kind: str = "small") -> Path:
    """Write the annotations of `make` in another format: COCO and CSV as one file, YOLO as a text for each image."""
    size = width, height = KINDS[kind][0]
    names = [f"photo_{number:07d}" for number in range(count)]
    place = folder / {"coco": "coco.json", "csv": "table.csv", "yolo": "labels"}[form]
    if form == "coco":
        images = [
            {"id": n, "file_name": f"{name}.jpg", "width": width, "height": height} for n, name in enumerate(names)
        ]
        annotations = [
            {"image_id": n, "category_id": CLASSES.index(label), "bbox": [left, top, right - left, bottom - top]}
            for n in range(count)
            for label, left, top, right, bottom in boxes(size, n)
        ]
        annotations = [{"id": number, **one, "iscrowd": 0} for number, one in enumerate(annotations)]
        categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES)]
        place.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    elif form == "csv":
        rows = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
        rows += [
            f"{name}.jpg,{width},{height},{','.join(map(str, box))}"
            for number, name in enumerate(names)
            for box in boxes(size, number)
        ]
        place.write_text("\n".join([*rows, ""]))
    else:
        for number, name in enumerate(names):
            part = place / f"{number // PER_FOLDER:03d}"
            part.mkdir(parents=True, exist_ok=True)
            rows = [
                f"{CLASSES.index(label)} {(left + right) / 2 / width:.6f} {(top + bottom) / 2 / height:.6f} "
                f"{(right - left) / width:.6f} {(bottom - top) / height:.6f}\n"
                for label, left, top, right, bottom in boxes(size, number)
            ]
            (part / f"{name}.txt").write_text("".join(rows))
        (place / "classes.txt").write_text("\n".join(CLASSES))
    return place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--kind", choices=KINDS, default="small")
    arguments = parser.parse_args()
    start = time.perf_counter()
    make(arguments.folder, arguments.count, arguments.kind)
    sizes = [len(jpeg) for jpeg in distinct_jpegs(arguments.kind)]
    print(
        f"{arguments.count} images of {sum(sizes) / len(sizes) / 1000:.1f} kB with annotations "
        f"in {time.perf_counter() - start:.1f} s"
    )


if __name__ == "__main__":
    main()
