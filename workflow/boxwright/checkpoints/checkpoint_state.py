"""Which checkpoint a path means, and the file `checkpoint`, which lists those of a folder; without TensorFlow."""

import re
from collections.abc import Sequence
from pathlib import Path

from boxwright.core import files
from boxwright.core.errors import UserError

_LATEST = re.compile(r'^\s*model_checkpoint_path:\s*"(.*)"\s*$', re.M)


def write_state(folder: str | Path, prefixes: Sequence[str | Path]) -> None:
    """Write the file `checkpoint` of `folder`, oldest prefix first; `tf.train.latest_checkpoint` finds the last.

    Prefixes in `folder` are written relative to it, so the folder can be moved.
    """
    folder = Path(folder)
    paths = [Path(prefix) for prefix in prefixes]
    texts = [path.name if path.parent in (folder, Path()) else str(path.resolve()) for path in paths]
    lines = [f'model_checkpoint_path: "{texts[-1]}"', *(f'all_model_checkpoint_paths: "{text}"' for text in texts)]
    with files.writing(folder / "checkpoint", "w") as file:
        file.write("\n".join(lines) + "\n")


def find_prefix(path: Path) -> Path:
    """The prefix that `path` means: itself, the newest of a folder, or that of a file `....index` or `....data-...`."""
    if path.is_dir():
        if latest := _latest(path):
            return latest
        indices = sorted(path.glob("*.index"))
        if len(indices) == 1:
            return indices[0].with_suffix("")
        found = f"{len(indices)} checkpoints and no `checkpoint` file that names one" if indices else "no checkpoint"
        raise UserError(f"The folder {path} holds {found}. Give the prefix, such as {path}/model.ckpt.")
    prefix = Path(re.sub(r"\.(index|data-\d{5}-of-\d{5})$", "", str(path)))
    if not Path(f"{prefix}.index").exists() and not prefix.is_file():
        hint = _nearby(prefix)
        raise UserError(
            f"There is no checkpoint {prefix}: neither {prefix}.index nor a frozen graph (.pb) is there.{hint}"
        )
    return prefix


def _latest(folder: Path) -> Path | None:
    """The prefix that the file `checkpoint` of a folder names, if it is there."""
    state = folder / "checkpoint"
    named = _LATEST.search(state.read_text(encoding="utf-8")) if state.is_file() else None
    prefix = folder / named.group(1) if named else None
    return prefix if prefix and (Path(f"{prefix}.index").exists() or prefix.is_file()) else None


def _nearby(prefix: Path) -> str:
    near = sorted(index.with_suffix("").name for index in prefix.parent.glob("*.index"))
    return f" In {prefix.parent} there is {', '.join(near)}." if near else ""
