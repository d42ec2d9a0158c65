"""How many near-duplicates of the images in a folder are found, and which pairs are found that were not made.

    python benchmarks/near_duplicates.py FOLDER ... [--generated 10000]

Lists the near-duplicates among the images, to be looked at: they are true pairs, or false ones. Then changes each image
in several ways: encoded again, rescaled to a third, cropped by 10 % (around the middle, and elsewhere), mirrored,
captioned below and above. Searches among the images with those of one kind, and prints the share of each kind that is
found; and among the images with all kinds, for false pairs. --generated also searches among that many different images
of make_images.py. Exit status 1 if less than 0.98 of one of the first five kinds is found, if images are connected that
are neither changes of one image nor listed, or if generated images are.
"""

import argparse
import io
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import make_images
import numpy as np
from PIL import Image, ImageDraw, ImageOps

from boxwright.dataset import near_duplicates
from boxwright.dataset.sets import Sets
from boxwright.images import fingerprint, loader

LEAST = 0.98
REQUIRED = ("encoded again", "a third", "cropped", "mirrored", "captioned")


def changed(image: Image.Image, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """The kinds of near-duplicates of an image, each with its JPEG file."""
    width, height = image.size
    yield "encoded again", encoded(image, 35)
    yield "a third", encoded(image.resize((max(width // 3, 1), max(height // 3, 1)), Image.Resampling.BICUBIC))
    yield "cropped", encoded(crop(image, 0.05, 0.05))
    yield "mirrored", encoded(ImageOps.mirror(image))
    yield "captioned", encoded(captioned(image, height * 8 // 9, height, "black", "white"))
    yield "captioned above", encoded(captioned(image, 0, height // 9, "white", "black"))
    yield "cropped elsewhere", encoded(crop(image, *(rng.random(2) * 0.1)))


def encoded(image: Image.Image, quality: int = 90) -> bytes:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return data.getvalue()


def crop(image: Image.Image, left: float, top: float) -> Image.Image:
    """The 90 % of the width and of the height that begin at these fractions."""
    width, height = image.size
    return image.crop(
        (round(width * left), round(height * top), round(width * (left + 0.9)), round(height * (top + 0.9)))
    )


def captioned(image: Image.Image, top: int, bottom: int, paper: str, ink: str) -> Image.Image:
    result = image.copy()
    pen = ImageDraw.Draw(result)
    pen.rectangle((0, top, image.width, bottom), fill=paper)
    pen.text((image.width // 20, (top + bottom) // 2 - 5), "23.07. 14:05  camera 2", fill=ink)
    return result


def connected(links: list[tuple[int, int]]) -> Sets[int]:
    sets: Sets[int] = Sets()
    for one, other in links:
        sets.unite(one, other)
    return sets


def on_images(folders: list[Path]) -> bool:
    """Measure on the images of some folders; returns whether the limits were kept."""
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in loader.EXTENSIONS)
    rng = np.random.default_rng(0)
    prints: dict[str, list[str]] = defaultdict(list)
    spent = 0.0
    for path in paths:
        data = path.read_bytes()
        start = time.process_time()
        prints[""].append(fingerprint.text(data))
        spent += time.process_time() - start
        for kind, file in changed(Image.fromarray(loader.load_rgb(data)), rng):
            prints[kind].append(fingerprint.text(file))
    count = len(paths)
    print(f"{count} images, {spent / count * 1000:.2f} ms of processor time for each fingerprint")
    own = near_duplicates.links(prints[""])
    print(f"near-duplicates among them: {len(own)} pairs", *(f"\n  {paths[i]} ~ {paths[j]}" for i, j in own))
    listed = connected(own)
    good = True
    for kind, texts in prints.items():
        if kind:
            found = connected(near_duplicates.links(prints[""] + texts))
            share = sum(found.of(i) == found.of(count + i) for i in range(count)) / count
            missed = kind in REQUIRED and share < LEAST
            good &= not missed
            print(f"  {kind:<18} {share:.4f} found{'   <- MISSED' if missed else ''}")
    everything = [text for texts in prints.values() for text in texts]
    start = time.perf_counter()
    links = near_duplicates.links(everything)
    print(f"searched among {len(everything)} in {time.perf_counter() - start:.1f} s")
    false = [(i, j) for i, j in links if listed.of(i % count) != listed.of(j % count)]
    print(f"  false pairs: {len(false)}", *(f"\n    {paths[i % count]} ~ {paths[j % count]}" for i, j in false))
    return good and not false


def on_generated(count: int) -> bool:
    """Search among different generated images, none of which is like another; returns whether no pair is found."""
    make_images.DISTINCT = count
    start = time.process_time()
    prints = [fingerprint.text(data) for data in make_images.distinct_jpegs("small")]
    print(f"{count} generated images ({time.process_time() - start:.1f} s to make them and their fingerprints)")
    start = time.perf_counter()
    links = near_duplicates.links(prints)
    spent = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  false pairs: {len(links)}, in {spent:.1f} s, peak memory of the process {peak:.0f} MB")
    return not links


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--generated", type=int, default=0)
    arguments = parser.parse_args()
    good = on_images(arguments.folders) if arguments.folders else True
    if arguments.generated:
        good &= on_generated(arguments.generated)
    sys.exit(not good)


if __name__ == "__main__":
    main()
