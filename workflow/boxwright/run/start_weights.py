"""Whether a start checkpoint fits its model, by names and shapes, before the first job.

The list of a model's variables (`detector.listing`) is kept in `<results>/.networks`, by its identity, and made only
for a training that has not begun.
"""

import copy
import math
import statistics
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from boxwright.catalog import check
from boxwright.checkpoints import checkpoint_shapes
from boxwright.checkpoints.checkpoint_index import kind_of
from boxwright.checkpoints.wanted import LEAST_SHARE, wanted
from boxwright.console.checksums import Checksums
from boxwright.console.progress import say
from boxwright.core import files
from boxwright.core.errors import UserError
from boxwright.core.wording import few
from boxwright.dataset import label_map
from boxwright.detector import listing
from boxwright.pipeline import overrides
from boxwright.pipeline.lint_training import OBJECT_GRAPH, holds
from boxwright.pipeline.patch import WHOLE_DETECTORS, checkpoint_type_of
from boxwright.protos import model_of
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan

# What a list has (`detector.listing.of`).
_LISTED = {"shapes", "scopes", "classifier_names", "classes", "keys"}
FOLDER = ".networks"
# Widths are read off layers with at least so many channels: small ones are rounded.
_WIDE = 64
Shapes = Mapping[str, tuple[int, ...]]


def mistakes(plan: RunPlan, identities: Identities, told_of: Collection[str] = ()) -> Iterator[str]:
    """One mistake for each start checkpoint that does not fit its model.

    Those that cannot be read, or have no index of names and shapes, are left out, and so are those of networks that the
    engine does not have, and of the models `told_of` (by their names in the configuration).
    """
    told = {}
    for name in plan.models:
        start, entry = plan.start(name), plan.zoo(name)
        if not start or plan.shown(name) in told_of or (entry and not entry.folder.is_dir()):
            continue
        if _has_unknown_parts(plan.configurations[name]) or _has_begun(plan, name, identities):
            continue
        try:
            found, relabels = checkpoint_shapes.shapes(start), label_map.of_checkpoint(start) is not None
        except (UserError, OSError, ValueError, IndexError):  # told elsewhere
            continue
        if not found:  # a frozen graph, or a checkpoint in the V1 format: they have no index
            continue
        config = _buildable(plan.configurations[name])
        network = _network(plan, name, identities, config)
        kind = _kind(config.train_config, found, plan.model(name)["overrides"])
        if network and (wrong := complaint(config, kind, network, found, relabels)):
            told.setdefault(f"{start} {wrong}", plan.shown(name))
    yield from (f"`models.{shown}.checkpoint`: {text}" for text, shown in told.items())


def _kind(train: Message, found: Shapes, given: Mapping[str, Any]) -> str:
    """The type as which the checkpoint is read: that of the configuration, which the run mends by what is in it."""
    asked, kind = checkpoint_type_of(train), kind_of(found)
    mends = kind and (asked in WHOLE_DETECTORS) != (kind == "detection")
    return kind if mends and "train_config.fine_tune_checkpoint_type" not in given else asked


def _has_unknown_parts(config: Message) -> bool:
    """Whether a model or its training has parts that the engine lacks, which is told elsewhere: no code is theirs."""
    found = (*check.findings(config.model, "model"), *check.findings(config.train_config, "train_config"))
    return any(one.rule == check.UNSUPPORTED for one in found)


def _has_begun(plan: RunPlan, name: str, identities: Identities) -> bool:
    """Whether the first segment of a training is finished as it is configured now."""
    index = plan.checkpoint(name, plan.steps(name)[0])[0]
    made = Checksums(plan.results).made_with(index).get("identity")
    return isinstance(made, dict) and made == dict(identities.train_segment(name))


def _buildable(config: Message) -> Message:
    """A configuration without its impossible values, such as a threshold of 1.5, which are told elsewhere."""
    impossible = {found.field: None for found in check.findings(config.model, "model")}
    if not impossible:
        return config
    sound = copy.deepcopy(config)
    with suppress(UserError):
        overrides.apply(sound, impossible)
    return sound


def _network(plan: RunPlan, name: str, identities: Identities, config: Message) -> Mapping[str, Any] | None:
    """The list of a model's variables, from the folder where it is kept, or made now."""
    path = Path(plan.results) / FOLDER / f"{identities.network(name)}.json"
    try:
        found = files.read_json(path)
        if isinstance(found, dict) and found.keys() >= _LISTED:
            return found
    except (UserError, OSError):
        pass
    say(f"Listing the variables of {plan.shown(name)}, to compare them with its start weights")
    found = listing.of(config)
    if found is not None and Path(plan.results).is_dir():  # else nothing is stored of this run
        with suppress(OSError, UserError):  # it is made again next time
            files.write_json(path, found)
    return found


def complaint(
    config: Message, kind: str, network: Mapping[str, Any], found: Shapes, relabels: bool, in_run: bool = True
) -> str:
    """Why a training could not start from a checkpoint, in words; "" if it can.

    kind: the checkpoint's type. network: see `detector.listing`. found: the shapes in the checkpoint. relabels: whether
    classes keep their weights by name, because the checkpoint has a label map. in_run: whether the configuration is a
    run's, whose fields are set by overrides, and not a file's. The rules are those of `checkpoints.restore`.
    """
    train = config.train_config
    shapes = {name: tuple(shape) for name, shape in network["shapes"].items()}
    keys = network["keys"] if OBJECT_GRAPH in found else None
    scopes, load_all = network["scopes"], train.load_all_detection_checkpoint_vars
    names = wanted(shapes, scopes, network["classifier_names"], keys, kind, load_all)
    if not names:
        return ""
    missing = [key for key in names.values() if key not in found]
    there = {name: found[key] for name, key in names.items() if key in found}
    differ = {name: (shape, shapes[name]) for name, shape in there.items() if shape != shapes[name]}
    classes = network["classes"] if relabels else ()
    by_class = {name for name, (old, new) in differ.items() if name in classes and old[:-1] == new[:-1]}
    size = sum(math.prod(shapes[name]) for name in names)
    fits = sum(math.prod(shapes[name]) for name in there if name not in differ or name in by_class)
    others = {name: both for name, both in differ.items() if name not in by_class}
    if fits >= LEAST_SHARE * size and not (kind == "full" and (missing or others)):
        return ""
    share = fits / max(size, 1)
    text = f"does not fit: of the weights that the model takes from it {share:.0%} are there in the right shape"
    scopes = tuple(f"{scope}/" for scope in network["scopes"])
    backbone = {name: key for name, key in names.items() if name.startswith(scopes)}
    # Of a checkpoint of another model other parts may have the same names, and their shapes then say nothing.
    if not any(key in found for key in backbone.values()):
        text += f"; missing: {few(list(backbone.values()))}; it {holds(found, kind_of(found) or kind)}"
    elif advice := _width(config, {name: both for name, both in others.items() if name in backbone}, in_run):
        return f"{text}. {advice}"
    else:
        if others:
            name, (old, new) = next(iter(others.items()))
            text += f"; {name} is {list(old)} in the checkpoint and {list(new)} in the model"
        if missing:
            text += f"; missing: {few(missing)}"
    return f"{text}. Take a checkpoint of the same feature extractor, or its pipeline.config."


def _width(config: Message, differ: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]], in_run: bool) -> str:
    """The width of the network that a checkpoint is from, if all shapes differ by it; "" if they differ otherwise."""
    model, name = model_of(config)
    extractor = model.feature_extractor
    if "depth_multiplier" not in extractor.DESCRIPTOR.fields_by_name:
        return ""
    ratios = [
        old[-1] / new[-1]
        for old, new in differ.values()
        if len(old) == len(new) == 4 and new[-1] >= _WIDE and old[:2] == new[:2] and old[-1] != new[-1]
    ]
    if not ratios:
        return ""
    ratio = statistics.median(ratios)
    if max(abs(one - ratio) for one in ratios) > 0.1:
        return ""
    width = ratio * extractor.depth_multiplier
    usual = round(width / 0.05) * 0.05  # channels are whole numbers, and in some networks multiples of 8
    width = usual if abs(usual - width) < 0.03 * width else width
    setting = f"model.{name}.feature_extractor.depth_multiplier: {width:.4g}"
    return (
        f"It is of a network of width {width:.4g}, and the model has width {extractor.depth_multiplier:.4g}: set "
        f"`{f'overrides: {{{setting}}}' if in_run else setting}`."
    )
