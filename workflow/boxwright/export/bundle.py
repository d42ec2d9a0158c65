"""One zip with everything that somebody needs who runs a detector on a device: the form, labels, program, one page."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boxwright.catalog.forms import LABEL_MAP, LABELS, Form
from boxwright.core import files
from boxwright.export import devices_guide, program

# The name of the program in the zip.
PROGRAM, README = "detect.py", "README.md"
# Zip files keep times; this is the first that they can hold. Equal content gives equal bytes.
_TIME = (1980, 1, 1, 0, 0, 0)


def write(form: Form, folder: str | Path, target: str | Path, about: Mapping[str, Any]) -> None:
    """Write the zip `target` with the form in `folder` (fine_tuned_model); it appears whole or not at all.

    It holds one folder, named like the zip. about: {model: its name, step: of the checkpoint, check: the form's check
    (`form.export`), measured: what it reaches (`measured.content`)}.
    """
    folder, inside = Path(folder), Path(target).stem
    if form.runtime.endswith(".tflite"):
        from boxwright.runtimes import tflite  # it needs LiteRT

        about = {**about, "input": tflite.read_input((folder / form.path).read_bytes())}
    contents: dict[str, bytes] = {
        README: devices_guide.page(form, about).encode(),
        PROGRAM: program.text(form).encode(),
    }
    for name in (*form.files, LABELS, LABEL_MAP):
        path = folder / name
        for file in [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file()):
            contents[file.relative_to(folder).as_posix()] = file.read_bytes()
    with files.writing(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            member = zipfile.ZipInfo(f"{inside}/{name}", _TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (0o755 if name == PROGRAM else 0o644) << 16
            archive.writestr(member, content)
