"""Facts about an image file from its headers and its end, without decoding any pixels.

Sources: JPEG markers, ITU-T T.81 annex B; PNG chunks, ISO/IEC 15948 section 5; GIF blocks, GIF89a; the sizes stated in
BMP, WebP and TIFF files. The last four formats are rare in detection data sets, so Pillow reads their headers.
"""

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, NamedTuple

from boxwright.core import pointers
from boxwright.images import exif

# Pillow's own limit, above which it takes an image for an attack on the memory. It is the default of
# `dataset.max_pixels`, the one limit of every stage; Pillow's is switched off, so that none stops half-way.
MAX_PIXELS = 178_956_970

if TYPE_CHECKING:
    from PIL import Image


class ImageInfo(NamedTuple):
    """What a file's headers say.

    format: "jpeg", "png", "bmp", "gif", "webp", "tiff", or "" for anything else.
    width, height: as stored, before an EXIF orientation is applied; 0 where unknown.
    mode: "gray", "gray+alpha", "rgb", "rgb+alpha" or "cmyk".
    bits: per channel.
    orientation: the EXIF value, valid or not; 1 if there is none.
    problem: why the file cannot be decoded completely; "" if nothing is wrong with it.
    truncated: whether the problem is that the file ends early.
    """

    format: str = ""
    width: int = 0
    height: int = 0
    mode: str = "rgb"
    bits: int = 8
    orientation: int = 1
    problem: str = ""
    truncated: bool = False


def too_large(info: ImageInfo, max_pixels: int) -> str:
    """Why an image is not used, with its size, if it has more than `max_pixels` pixels; "" if it has not."""
    if info.width * info.height <= max_pixels:
        return ""
    return f"{info.width}x{info.height} are {info.width * info.height:,} pixels, and at most {max_pixels:,} are taken"


# In a JPEG file: the start of a segment (0xFF, marker, length) and of a frame (bits, height, width, channels).
_SEGMENT = struct.Struct(">BBH")
_FRAME = struct.Struct(">BHHB")


def probe(data: bytes) -> ImageInfo:
    """Read the headers of an image file, and check by markers and sizes that the file is complete. Never raises."""
    if data[:3] == b"\xff\xd8\xff":
        return _jpeg(data)
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _png(data)
    for name, start in (("bmp", b"BM"), ("gif", b"GIF8"), ("webp", b"RIFF"), ("tiff", b"II*\0"), ("tiff", b"MM\0*")):
        if data.startswith(start) and (name != "webp" or data[8:12] == b"WEBP"):
            return _other(data, name)
    if not data:
        return ImageInfo(problem="the file is empty", truncated=True)
    if data[4:8] == b"ftyp":
        return ImageInfo(problem="HEIC and AVIF are not supported; convert it to JPEG or PNG")
    if not data.strip(b"\0"):
        return ImageInfo(problem="the file holds only zeros")
    if pointers.is_git_lfs(data):
        return ImageInfo(problem=pointers.GIT_LFS)
    start = data.lstrip()[:15].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<svg", b"<annotation")):
        return ImageInfo(problem="the file is text (HTML, XML or SVG), not an image")
    return ImageInfo(problem="it is not a JPEG, PNG, BMP, GIF, WebP or TIFF file")


def _jpeg(data: bytes) -> ImageInfo:
    """Walk the segments up to the first scan, then look for the end marker."""
    facts: dict = {"format": "jpeg"}
    position, end = 2, len(data)
    while True:
        if position + 4 > end:
            return ImageInfo(**facts, problem="the file ends within its headers", truncated=True)
        start, marker, length = _SEGMENT.unpack_from(data, position)
        if start != 0xFF:
            return ImageInfo(**facts, problem="its headers are damaged: a JPEG marker is missing")
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a length
            position += 2
            continue
        if marker == 0xD9:
            return ImageInfo(**facts, problem="it holds no image data")
        body = position + 4
        if marker == 0xDA:
            break
        if length < 2:
            return ImageInfo(**facts, problem="its headers are damaged: a JPEG segment has no length")
        position += 2 + length
        if position > end:
            return ImageInfo(**facts, problem="the file ends within its headers", truncated=True)
        if marker == 0xE1 and data[body : body + 6] == b"Exif\0\0" and "orientation" not in facts:
            facts["orientation"] = exif.orientation_in(data[body + 6 : position])
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if length < 8:
                return ImageInfo(**facts, problem="its headers are damaged: the JPEG frame is too short")
            bits, height, width, channels = _FRAME.unpack_from(data, body)
            mode = {1: "gray", 3: "rgb", 4: "cmyk"}.get(channels, "")
            facts.update(width=width, height=height, bits=bits, mode=mode)
            if marker not in (0xC0, 0xC1, 0xC2) or bits != 8 or not mode or not width or not height:
                kind = "lossless or arithmetic coding" if marker > 0xC2 else f"{bits} bits, {channels} channels"
                return ImageInfo(**facts, problem=f"this kind of JPEG is not supported ({kind}, {width}x{height})")
    if "width" not in facts:
        return ImageInfo(**facts, problem="its headers are damaged: the JPEG has no frame")
    if not data.endswith(b"\xff\xd9") and data.find(b"\xff\xd9", body) < 0:
        return ImageInfo(**facts, problem="the file ends before the image does", truncated=True)
    return ImageInfo(**facts)


def _png(data: bytes) -> ImageInfo:
    """Walk the chunks, each of which has a length and a checksum, up to the last one."""
    facts: dict = {"format": "png"}
    position, has_pixels, view = 8, False, memoryview(data)
    while True:
        if position + 12 > len(data):
            return ImageInfo(**facts, problem="the file ends before the image does", truncated=True)
        length, kind = struct.unpack_from(">I4s", data, position)
        body, checksum = position + 8, position + 8 + length
        if checksum + 4 > len(data):
            return ImageInfo(**facts, problem="the file ends before the image does", truncated=True)
        if zlib.crc32(view[position + 4 : checksum]) != int.from_bytes(view[checksum : checksum + 4], "big"):
            return ImageInfo(**facts, problem=f"the PNG is damaged: chunk {kind!r} fails its checksum")
        if kind == b"IHDR" and length == 13:
            width, height, bits, colour = struct.unpack_from(">IIBB", data, body)
            mode = {0: "gray", 2: "rgb", 3: "rgb", 4: "gray+alpha", 6: "rgb+alpha"}.get(colour, "")
            facts |= {"width": width, "height": height, "mode": mode, "bits": 8 if bits < 8 else bits}
            if not mode or not width or not height:
                return ImageInfo(**facts, problem="the PNG is damaged: its header has impossible values")
        elif kind == b"tRNS" and "mode" in facts and "alpha" not in facts["mode"]:
            facts["mode"] += "+alpha"
        elif kind == b"eXIf":
            facts["orientation"] = exif.orientation_in(data[body:checksum])
        elif kind == b"IDAT":
            has_pixels = True
        elif kind == b"IEND":
            break
        position = checksum + 4
    if "width" not in facts or not has_pixels:
        return ImageInfo(**facts, problem="the PNG is damaged: it holds no image data")
    return ImageInfo(**facts)


def _other(data: bytes, name: str) -> ImageInfo:
    """BMP, GIF, WebP and TIFF: headers as Pillow reads them, and the file size that they imply."""
    from PIL import Image  # imported here because it is slow, and most data sets have none of these

    Image.MAX_IMAGE_PIXELS = None  # the size in the headers is judged by `dataset.max_pixels`
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=[name]) as image:
            (width, height), mode = image.size, image.mode
            orientation = 1
            if name == "webp" and "exif" in image.info:
                orientation = exif.orientation_in(image.info["exif"].removeprefix(b"Exif\0\0"))
            transparent = image.has_transparency_data
            needed = _promised_size(data, name, image)
    except Exception as error:  # Pillow raises many kinds on damaged headers
        return ImageInfo(format=name, problem=f"its headers are damaged ({error})")
    kind = {"1": "gray", "L": "gray", "LA": "gray", "CMYK": "cmyk"}.get(mode, "gray" if mode[0] in "IF" else "rgb")
    facts = {
        "format": name,
        "width": width,
        "height": height,
        "mode": kind + "+alpha" if transparent else kind,
        "bits": 32 if mode in ("I", "F") else 16 if mode.startswith("I;16") else 8,
        "orientation": orientation,
    }
    if len(data) < needed:
        text = f"the file ends before the image does ({len(data)} of {needed} bytes)"
        return ImageInfo(**facts, problem=text, truncated=True)
    if name == "gif" and not _gif_has_its_end(data):
        return ImageInfo(**facts, problem="the file ends before the image does", truncated=True)
    return ImageInfo(**facts)


def _promised_size(data: bytes, name: str, image: "Image.Image") -> int:
    """The number of bytes that the file must have by its headers; 0 if they do not say."""
    if name == "bmp":
        (start,) = struct.unpack_from("<I", data, 10)
        bits, compression = struct.unpack_from("<HI", data, 28)
        row = (image.width * bits + 31) // 32 * 4
        return start + row * image.height if compression in (0, 3) else 0
    if name == "webp":
        return 8 + int.from_bytes(data[4:8], "little")
    if name == "tiff":
        for starts, sizes in ((273, 279), (324, 325)):  # strips, tiles
            if starts in image.tag_v2 and sizes in image.tag_v2:
                return max(a + b for a, b in zip(image.tag_v2[starts], image.tag_v2[sizes], strict=True))
    return 0


def _gif_has_its_end(data: bytes) -> bool:
    """Walk the blocks of a GIF file, each a chain of parts with a length, up to its trailer."""
    position, end = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0), len(data)
    while position < end and data[position] in b"!,":
        if data[position : position + 1] == b"!":
            position += 2
        elif position + 10 > end:
            return False
        else:
            flags = data[position + 9]
            position += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        while position < end and data[position]:
            position += 1 + data[position]
        position += 1
    return data[position : position + 1] == b";"
