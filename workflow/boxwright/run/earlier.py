"""What there was before: the models, and the configurations that each had, by the receipts of its checkpoints."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from boxwright.console.checksums import Checksums
from boxwright.core.errors import UserError
from boxwright.pipeline import text
from boxwright.zoo import PREFIX, catalogue


def models(results: str | Path) -> list[str]:
    """The models that have saved checkpoints."""
    return sorted(path.name for path in Path(results, "models").glob("*") if steps(results, path.name))


def steps(results: str | Path, name: str) -> list[int]:
    """The steps at which a model saved checkpoints, whether or not `keep` removed them since."""
    receipts = (Checksums(results).folder / "models" / name / "train").glob("model.ckpt-*.index.json")
    numbers = (path.name.removesuffix(".index.json").rpartition("-")[2] for path in receipts)
    return sorted(int(number) for number in numbers if number.isdecimal())


def trained_with(results: str | Path, name: str, identity: Any, checksums: Checksums) -> bool:
    """Whether the last checkpoint of a model is of the training with this identity."""
    last = Path(results) / "models" / name / f"train/model.ckpt-{steps(results, name)[-1]}.index"
    return checksums.made_with(last).get("identity") == identity


def configuration(results: str | Path, name: str, made: Mapping[str, Any] | None = None) -> Message | None:
    """The last one of a model, or the one of a checkpoint; None if it cannot be read.

    made: what the checkpoint was made with. Without its configuration, as in receipts of earlier releases, the last one
    counts.
    """
    try:
        if isinstance(written := (made or {}).get("config"), str):
            return text.parse(written)
        return text.read(Path(results) / "models" / name / "pipeline.config")
    except (UserError, OSError):  # the rule that wrote it will write it again
        return None


def configurations(results: str | Path, name: str) -> list[Message]:
    """All that are known of a model."""
    train, checksums = Path(results) / "models" / name / "train", Checksums(results)
    receipts = [checksums.made_with(train / f"model.ckpt-{step}.index") for step in steps(results, name)]
    texts = {made["config"]: made for made in receipts if isinstance(made.get("config"), str)}
    found = [configuration(results, name, made) for made in ({}, *texts.values())]
    return [one for one in found if one is not None]


def start_weights(before: Message | None, now: Message) -> str:
    """What changed in the start weights, in words. before: the configuration with the earlier ones, if it is known."""
    if before is None:
        return "the start weights (`checkpoint`) changed"
    old, new = (_start(config.train_config.fine_tune_checkpoint) for config in (before, now))
    if old == new:
        return f"start weights: the files of `checkpoint` {new} changed"
    return f"start weights: `checkpoint` {old} -> {new}"


def _start(path: str) -> str:
    """Start weights as a configuration names them."""
    if Path(path).is_relative_to(catalogue.ZOO):
        return PREFIX + Path(path).relative_to(catalogue.ZOO).parts[0]
    return path or "none"
