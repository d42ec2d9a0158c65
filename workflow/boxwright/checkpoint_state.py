"""The file `checkpoint`, which lists the checkpoints of a folder, without TensorFlow."""

from collections.abc import Sequence
from pathlib import Path

from boxwright import files


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
