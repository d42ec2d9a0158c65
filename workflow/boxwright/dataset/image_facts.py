"""The facts of an image file as one line of text that can be kept: its hash, headers, and whether its pixels decode.

A line has columns of JSON between tabs. The middle column is the same for most images of a data set, so it is parsed
once for all of them. Images on which we drew boxes have one more column.
"""

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from boxwright.core.errors import UserError
from boxwright.dataset.memo import Memo
from boxwright.images import drawn
from boxwright.images.headers import MAX_PIXELS, ImageInfo, probe, too_large

_dump = json.JSONEncoder(separators=(",", ":")).encode


class ImageFacts(NamedTuple):
    """What is known of an image.

    sha256: of the bytes; info: the headers; undecodable: why decoding failed, "" if it worked, None if not tried;
    drawn: whether we drew boxes on it (`images.drawn`).
    """

    sha256: str
    info: ImageInfo
    undecodable: str | None
    drawn: bool = False


def line(data: bytes, decode: bool) -> str:
    """The facts of an image from its file's bytes; `decode` also decodes the pixels, of an image of usual size.

    Above the default of `dataset.max_pixels` pixels are not decoded: several at once could take all memory.
    """
    info = probe(data)
    undecodable = None
    if decode and not info.problem and not too_large(info, MAX_PIXELS):
        from boxwright.images import loader  # few runs decode, and the others start faster without it

        try:
            loader.load_rgb(data)
            undecodable = ""
        except UserError as error:
            undecodable = str(error).removeprefix("the image cannot be decoded: ").partition(". ")[0]
    mark = "\ttrue" if drawn.is_drawn(data) else ""
    return f"{hashlib.sha256(data).hexdigest()}\t{_info_json(info)}\t{_dump(undecodable)}{mark}"


def unreadable(why: str) -> str:
    """The facts of an image whose file cannot be read."""
    return f"\t{_dump(ImageInfo(problem=why))}\tnull"


def said(lines: Iterable[str]) -> list[ImageFacts]:
    """The facts of many images from their lines."""
    infos = Memo(lambda text: ImageInfo(*json.loads(text)))
    problems = Memo(json.loads)
    rows = (line.split("\t") for line in lines)
    return [ImageFacts(sha, infos[info], problems[undecodable], bool(mark)) for sha, info, undecodable, *mark in rows]


@lru_cache(maxsize=1024)
def _info_json(info: ImageInfo) -> str:
    return _dump(info)
