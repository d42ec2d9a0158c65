"""When and with which camera an image was taken, as its EXIF data says."""

import io

from PIL import Image

from boxwright.images.headers import probe

_MAKE, _MODEL, _CHANGED = 0x010F, 0x0110, 0x0132
_EXIF, _TAKEN, _BODY = 0x8769, 0x9003, 0xA431


def text(data: bytes) -> str:
    """The camera and the time, `YYYY:MM:DD HH:MM:SS`, with a tab between them; "" if there is no time. Never raises.

    The camera is make, model and serial number; the time is that of the exposure, or else of the last change.
    """
    info = probe(data)
    formats = ["jpeg", "mpo"] if info.format == "jpeg" else [info.format]
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            tags = image.getexif()
            details = tags.get_ifd(_EXIF)
    except Exception:  # Pillow raises many kinds on damaged data; the checks report them
        return ""
    time = _clean(details.get(_TAKEN) or tags.get(_CHANGED))
    camera = " ".join(filter(None, map(_clean, (tags.get(_MAKE), tags.get(_MODEL), details.get(_BODY)))))
    return f"{camera}\t{time}" if time else ""


def _clean(value: object) -> str:
    """A text of EXIF in one line of printable ASCII."""
    return " ".join(str(value or "").encode("ascii", "replace").decode().replace("\0", " ").split())
