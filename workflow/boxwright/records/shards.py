"""One shard of the data set: from its manifest to a TFRecord file."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from boxwright import tfrecord
from boxwright.core import parts
from boxwright.core.errors import UserError
from boxwright.core.files import copy, read_json, sha256_file, writing
from boxwright.dataset import manifest as manifests
from boxwright.dataset.samples import Sample
from boxwright.images.loader import encode_for_record
from boxwright.records.example import Encoder

# How many images an error message names.
_NAMED = 20


class Counts(NamedTuple):
    """What went into a shard; `empty` are images without boxes, `reencoded` those whose pixels a fix has changed."""

    images: int
    boxes: int
    empty: int
    reencoded: int


def write_shard(manifest: str | os.PathLike, label_map: Mapping[str, int], out: str | os.PathLike) -> Counts:
    """Write the samples of `manifest` (annotations.manifest), in its order, to the TFRecord file `out`.

    One image is in memory at a time. The file appears whole or not at all; equal inputs give equal bytes.
    Raises UserError, naming all images concerned, if an image is missing or has changed since it was planned (another
    SHA-256), or if a box's class is not in `label_map`.
    """
    if not Path(manifest).is_file():
        raise UserError(f"The plan of a shard, {manifest}, is missing. Run the workflow again to make it.")
    problems: list[str] = []
    images = boxes = empty = reencoded = 0
    encode = Encoder(label_map)
    with writing(out) as file:
        for sample in manifests.read(manifest):
            try:
                record = record_of(sample, encode)
            except UserError as error:
                problems.append(str(error))
            if not problems:  # after a problem no file appears, and the rest is only checked
                tfrecord.write(file, record)
            images += 1
            boxes += len(sample.boxes)
            empty += not sample.boxes
            reencoded += bool(sample.fixes)
        if problems:
            more = [f"... and {len(problems) - _NAMED} more"] if len(problems) > _NAMED else []
            raise UserError("\n".join([f"{out} cannot be written:", *problems[:_NAMED], *more]))
    return Counts(images, boxes, empty, reencoded)


def record_of(sample: Sample, encode: Encoder) -> bytes:
    """The serialised tf.train.Example of a sample, with its image read now.

    Raises UserError if the image cannot be read, or has changed since it was planned (another SHA-256).
    """
    try:
        data = parts.read(sample.image)
    except OSError as error:
        raise UserError(f"{sample.image} cannot be read ({error.strerror}).") from None
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != sample.sha256:
        raise UserError(
            f"{sample.image} has changed since the data set was planned. Run the workflow again to plan it anew."
        )
    if not sample.fixes:
        return encode(sample, data, sha256=sha256)
    try:
        encoded, image_format = encode_for_record(data, sample.fixes)
    except UserError as error:
        raise UserError(f"{sample.image}: {error}") from error
    return encode(sample, encoded, image_format=image_format)


def copy_given(given: str | os.PathLike, out: str | os.PathLike) -> int:
    """Copy a file of records that is used as it is to `out`; return the number of its images.

    given: what the plan says of the file (path, SHA-256, images), as JSON. Raises UserError if the file is missing or
    has changed.
    """
    said = read_json(given)
    try:
        if sha256_file(said["path"]) != said["sha256"]:
            raise UserError(f"{said['path']} has changed since the data set was planned. Run the workflow again.")
        copy(said["path"], out)
    except OSError as error:
        raise UserError(f"{said['path']} cannot be read ({error.strerror}).") from None
    return said["images"]
