"""Finding the checkpoint that a path means, and the file `checkpoint`, which lists a folder's; without TensorFlow."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from boxwright.core import files
from boxwright.core.errors import UserError

_LATEST = re.compile(r'^\s*model_checkpoint_path:\s*"(.*)"\s*$', re.M)


def write_state(folder: str | Path, prefixes: Sequence[str | Path]) -> None:
    """Write the file `checkpoint` of `folder`, oldest prefix first; `tf.train.latest_checkpoint` returns the last.

    Prefixes in `folder` are written relative to it, so the folder can be moved.
    """
    folder = Path(folder)
    paths = [Path(prefix) for prefix in prefixes]
    texts = [path.name if path.parent in (folder, Path()) else str(path.resolve()) for path in paths]
    lines = [f'model_checkpoint_path: "{texts[-1]}"', *(f'all_model_checkpoint_paths: "{text}"' for text in texts)]
    with files.writing(folder / "checkpoint", "w") as file:
        file.write("\n".join(lines) + "\n")


def find_prefix(path: Path) -> Path:
    """The checkpoint prefix that `path` means.

    path: a prefix, a folder (its newest checkpoint), or one of a checkpoint's files (`....index` or `....data-...`).
    Raises UserError if there is no checkpoint, or a folder has several and does not say which is newest.
    """
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
            f"There is no checkpoint {prefix}: neither {prefix}.index nor a frozen graph (.pb) exists.{hint}"
        )
    return prefix


def files_of(source: str | Path) -> list[Path]:
    """The files that hold the weights of a checkpoint (prefix or folder) or of a frozen graph.

    Raises UserError if there is no checkpoint.
    """
    path = Path(source)
    if path.suffix == ".pb" and path.is_file():
        return [path]
    prefix = find_prefix(path)
    if not Path(f"{prefix}.index").is_file():  # in the V1 format
        return [prefix]
    data = re.compile(re.escape(f"{prefix.name}.data-") + r"\d{5}-of-\d{5}")
    return [Path(f"{prefix}.index"), *sorted(one for one in prefix.parent.iterdir() if data.fullmatch(one.name))]


def _latest(folder: Path) -> Path | None:
    """The prefix that the file `checkpoint` of a folder names, if that checkpoint exists."""
    state = folder / "checkpoint"
    named = _LATEST.search(state.read_text(encoding="utf-8", errors="replace")) if state.is_file() else None
    prefix = folder / named.group(1) if named else None
    # `os.path` calls a name that is too long, or has a zero, missing.
    return prefix if prefix and (os.path.exists(f"{prefix}.index") or os.path.isfile(prefix)) else None  # noqa: PTH110, PTH113


def _nearby(prefix: Path) -> str:
    near = sorted(index.with_suffix("").name for index in prefix.parent.glob("*.index"))
    return f" The folder {prefix.parent} holds {', '.join(near)}." if near else ""
