"""Folders of images to predict on: whether there is something in them."""

from pathlib import Path

from boxwright.core import names as file_names
from boxwright.core.wording import few
from boxwright.dataset import scan
from boxwright.images import loader, sizes


def nothing(folder: str, results: str, max_pixels: int) -> str:
    """Why there is nothing to predict on in a folder; "" if there is."""
    unreadable = []
    for name in scan.images_below(folder, results):
        path = Path(folder, name)
        why = _unreadable(path, max_pixels)
        if not why:
            return ""
        unreadable.append(f"{file_names.shown(str(path))}: {why}")
    if unreadable:
        return f"`predict.images` is {folder}, in which no image can be read: {few(unreadable)}."
    endings = ", ".join(loader.EXTENSIONS)
    return f"`predict.images` is {folder}, which holds no image: image files end in {endings}."


def _unreadable(path: Path, max_pixels: int) -> str:
    """Why an image cannot be predicted on, from its headers; "" if nothing speaks against it."""
    try:
        info = loader.probe(path.read_bytes())
    except OSError as error:
        return error.strerror or str(error)
    return info.problem or sizes.too_large(info, max_pixels)
