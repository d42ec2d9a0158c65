"""The font that a text is drawn with: one that has all its characters.

Usually that is the font that comes with matplotlib, the same on every machine, with Latin, Greek, Cyrillic, Hebrew and
Arabic letters. For other scripts the fonts of the system are looked through, by their character maps.
"""

import importlib.util
import unicodedata
from functools import cache
from pathlib import Path

from PIL import ImageFont

# What a font is preferred for, the strongest first, and what it is avoided for, by words in the name of its file.
_LIKED, _AVOIDED = ("sans", "bold"), ("italic", "oblique", "mono", "condensed", "narrow")


def covering(text: str) -> Path | None:
    """The file of a font that has every character of `text`; None if this machine has none."""
    needed = frozenset(one for one in text if _has_shape(one))
    return usual() if all(one.isascii() for one in needed) else _covering(needed)


def load(text: str, size: int) -> ImageFont.FreeTypeFont:
    """The font for `text` at a size in pixels; where no font has all of it, the usual one, which shows boxes for it."""
    return _load(covering(text) or usual(), size)


@cache
def _load(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)


@cache
def _covering(needed: frozenset[str]) -> Path | None:
    return next((path for path in (usual(), *_of_the_system()) if needed <= _characters(path)), None)


@cache
def usual() -> Path:
    # Every plan asks for it, and importing matplotlib for `get_data_path` would take a tenth of a second.
    package = importlib.util.find_spec("matplotlib").submodule_search_locations[0]
    return Path(package, "mpl-data", "fonts", "ttf", "DejaVuSans-Bold.ttf")


@cache
def _of_the_system() -> list[Path]:
    """The files of all fonts that are installed, the more suitable first."""
    from matplotlib import font_manager  # takes a third of a second

    def unsuitable(path: Path) -> tuple:
        name = path.name.lower()
        return *(word in name for word in _AVOIDED), *(word not in name for word in _LIKED), str(path)

    return sorted(map(Path, font_manager.findSystemFonts()), key=unsuitable)


@cache
def _characters(path: Path) -> frozenset[str]:
    """What a font has shapes for; nothing if it cannot be used, as fonts of coloured bitmaps cannot."""
    from matplotlib.ft2font import FT2Font

    try:
        _load(path, 12)
        return frozenset(map(chr, FT2Font(str(path)).get_charmap()))
    except (OSError, RuntimeError, ValueError, MemoryError):
        return frozenset()


def _has_shape(one: str) -> bool:
    """Whether a font must have a character: spaces, joiners and selectors of variants are drawn without one."""
    return not (one.isspace() or unicodedata.category(one) in ("Cc", "Cf", "Zs") or "\ufe00" <= one <= "\ufe0f")
