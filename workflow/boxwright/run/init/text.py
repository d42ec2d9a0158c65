"""The configuration as text with the reasons, and the summary for the terminal."""

import itertools
import re
from pathlib import Path

from boxwright.core.wording import command, few, from_here, plural, printable
from boxwright.dataset.defects import DEFECTS
from boxwright.run.config_file import as_yaml
from boxwright.run.init.choice import PIPELINES, Choice, duration, share
from boxwright.run.init.data import FolderFacts
from boxwright.run.init.machine import Machine

# Classes that are listed, and the number of boxes below which a class is said to have few.
_SHOWN, _FEW = 10, 20
_WIDTH = 118
# TensorFlow's threads, where a configuration does not say how many.
_USUAL_THREADS = 2
_ONE_SCENE = (
    "Nearly all images with objects show the same, as frames of one scene or copies of one image do. None would be "
    "left to measure if such images stayed on one side, so chance divides them, and the figures flatter the detector. "
    "Add images of other scenes."
)
# Names of folders that every data set has.
_NOT_TELLING = ("data", "dataset", "images", "img", "imgs", "export")
# The folder for results that a configuration without `results` has.
_RESULTS = "results"


def configuration(found: FolderFacts, here: Machine, chosen: Choice) -> str:
    """The text of my.yaml."""
    detector, reasons = chosen.detector, chosen.reasons
    lines = [
        "# Written by `.venv/bin/boxwright init`. Everything may be edited; config/README.md explains every key.",
        "",
        *_results(found.folder),
        "dataset:",
        *_comment(_images(found), 2),
        f"  images: {as_yaml(found.folder)}",
        f"  annotations: {as_yaml(found.folder)}",
        *_comment(f"The annotations are {found.reading}.", 2),
    ]
    if found.others:
        lines += _comment(f"Also present, but not read: {'; '.join(found.others)}.", 2)
    lines.append(f"  format: {found.key}")
    lines += _comment(_classes(found), 2)
    lines += _split(found, chosen)
    if found.policies:
        lines += ["  # Without these the run would stop; checks.tsv names each case.", "  policies:"]
        for name, policy in found.policies.items():
            lines += _comment(f"{DEFECTS[name].told(policy)}: {DEFECTS[name].advice}", 4)
            lines.append(f"    {name}: {policy}")
    lines += ["", "models:", f"  {as_yaml(_name(found.folder))}:"]
    lines += _comment(f"{detector.title}: {reasons['detector']}.", 4)
    lines.append(f"    pipeline: {as_yaml(from_here(PIPELINES / detector.template))}")
    lines += _comment(f"The start: {reasons['checkpoint']}.", 4)
    if detector.zoo:
        lines.append(f"    checkpoint: zoo:{detector.zoo}")
    if detector.overrides:
        lines.append("    overrides:")
        lines += [f"      {field}: {value}" for field, value in detector.overrides.items()]
    lines += _comment(f"Images in a step: {reasons['batch_size']}.", 4)
    lines.append(f"    batch_size: {detector.batch}")
    lines += _comment(f"{reasons['num_steps']}. {_time(chosen, here)}", 4)
    lines.append(f"    num_steps: {chosen.num_steps}")
    lines += _comment("Each checkpoint is measured, and the best one is exported.", 4)
    lines.append(f"    checkpoint_every: {chosen.checkpoint_every}")
    lines.append("    # early_stopping: {patience: 2}    # ends the training after two checkpoints without improvement")
    if chosen.gpus:
        lines.append(f"    gpus: {chosen.gpus}")
    elif here.processors > _USUAL_THREADS:
        lines += _comment(
            f"All {here.processors} processors compute. Results are the same to the bit only for the same number of "
            "threads, so a training keeps the number that it began with.",
            4,
        )
        lines.append("    tf_threads: auto")
    if here.gpus and not chosen.gpus:
        lines += _comment("The GPU here needs TensorFlow's build for it: make env BUILD=gpu, then run init again.", 4)
    return "\n".join([*map(printable, lines), ""])


def summary(found: FolderFacts, chosen: Choice, path: Path) -> str:
    """What was found and decided, and what to do next."""
    minutes = "" if chosen.minutes is None else f", about {duration(chosen.minutes)}"
    lines = [
        _images(found),
        f"The annotations are {found.reading}.",
        *([f"Not read: {'; '.join(found.others)}."] if found.others else []),
        _classes(found),
        *found.named,
        *found.defects,
        *found.sides.unused,
        *([_ONE_SCENE] if found.one_scene else []),
        f"{chosen.detector.title}: {chosen.reasons['detector']}.",
        f"The start: {chosen.reasons['checkpoint']}.",
        f"{chosen.num_steps:,} steps{minutes}.",
        f"{path} is written. Edit it as you like, then run:",
        f"  {command('run', '--configfile', path)}",
    ]
    return "\n".join(lines)


def _images(found: FolderFacts) -> str:
    width, height = found.size
    parts = [
        f"{plural(found.images, 'image')} of about {width}x{height} pixels",
        f"{plural(found.boxes, 'box', 'boxes')}, at most {found.fullest} in one image",
        f"half of them over {share(found.usual)} of the image's side",
    ]
    if found.negatives:
        parts.append(f"{plural(found.negatives, 'image')} without objects")
    if found.unused:
        parts.append(f"{plural(found.unused, 'image')} not used (no annotation, or a defect)")
    return f"{', '.join(parts)}."


def _classes(found: FolderFacts) -> str:
    listed = [f"{name} ({count})" for name, count in found.classes.items()]
    rare = [name for name, count in found.classes.items() if count < _FEW]
    hint = f" Few boxes to learn from: {few(rare)}." if rare else ""
    return f"{plural(len(listed), 'class', 'classes')}: {few(listed, _SHOWN)}.{hint}"


def _split(found: FolderFacts, chosen: Choice) -> list[str]:
    told = ", ".join(f"{count} {side}" for side, count in found.sides.counts.items())
    unused = [line for sentence in found.sides.unused for line in _comment(sentence, 2)]
    if lists := found.sides.lists:
        lines = _comment(f"Lists in the folder say on which side each image is: {told}.", 2)
        return [*unused, *lines, "  split:", *(f"    {side}: {as_yaml(path)}" for side, path in lists.items())]
    if found.sides.counts:
        return [*_comment(f"The source says on which side each image is: {told}.", 2), "  split: {source: true}"]
    share = f"{chosen.eval_fraction:.0%} of the images measure the detector and never train it"
    lines = [*unused, *_comment(f"{share}; with test_fraction: 0.1 others test it at the end.", 2)]
    drawn = [f"eval_fraction: {chosen.eval_fraction}"]
    if found.group_by:
        lines += _comment("Near-duplicates stay on one side.", 2)
        drawn.append(f"group_by: {found.group_by}")
    lines += ["  split:", *(f"    {one}" for one in drawn)]
    if found.one_scene:
        lines += [*_comment(_ONE_SCENE, 2), "  near_duplicates: false"]
    return lines


def _results(folder: str) -> list[str]:
    """Where the results go, if other runs have taken the usual places."""
    name = f"{_RESULTS}_{_name(folder)}"
    places = itertools.chain([_RESULTS, name], (f"{name}_{number}" for number in itertools.count(2)))
    place = next(one for one in places if not Path(one).exists())
    if place == _RESULTS:
        return []
    return [f"# {_RESULTS}/ already exists, from another run.", f"results: {place}", ""]


def _time(chosen: Choice, here: Machine) -> str:
    if chosen.minutes is None:
        return "How long that takes on this GPU was never measured: the run shows the time that is left."
    return f"The whole run takes about {duration(chosen.minutes)} on {plural(here.processors, 'processor')}."


def _comment(text: str, indent: int) -> list[str]:
    """A comment in lines that are not too long."""
    lines, start = [], f"{' ' * indent}#"
    line = start
    for word in text.split():
        if len(line) + len(word) >= _WIDTH and line != start:
            lines.append(line)
            line = start
        line = f"{line} {word}"
    return [*lines, line]


def _name(folder: str) -> str:
    """A name for the model: that of the folder or, if it says nothing, of the one around it, in letters of names."""
    place = Path(folder).resolve()
    telling = place.parent if place.name.lower() in _NOT_TELLING else place
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", telling.name).strip("_.-")
    return name[:60] if name[:1].isalnum() else "detector"
