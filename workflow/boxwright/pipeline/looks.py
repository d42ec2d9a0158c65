"""What a file that is given as a pipeline.config seems to be, if it is none."""

import re
from pathlib import Path

_MOST = 20_000
# What every pipeline.config has.
_MODEL = re.compile(r"^\s*model\s*[:{<]", re.MULTILINE)
_OTHERS = (
    (re.compile(r"\A\s*(?:#.*\s*)*item\s*[:{<]"), "a label map, which belongs to `dataset.label_map`"),
    (re.compile(r"\A\s*<"), "XML"),
    (re.compile(r"\A\s*[\[{]"), "JSON"),
    (re.compile(r"^(?:dataset|models|results)\s*:", re.MULTILINE), "YAML, such as a configuration of boxwright"),
    (re.compile(r"\A(?:---\s|(?:\s*#.*\n)*[A-Za-z_]\w*:(?:\s|$)(?!.*\{))", re.MULTILINE), "YAML"),
)


def like(path: str | Path) -> str:
    """What a text file looks like that holds no model, a noun; "" if it may be a pipeline.config, or cannot be read."""
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            text = file.read(_MOST)
    except (OSError, UnicodeDecodeError):
        return ""
    if _MODEL.search(text):
        return ""
    return next((name for pattern, name in _OTHERS if pattern.search(text)), "")
