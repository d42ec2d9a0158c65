"""`boxwright init`: looks at images and annotations and writes a configuration that runs, with the reasons for it.

Nothing is asked. `data` says what there is, `machine` what it can be computed on, `choice` decides, `text` writes.
"""

import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from boxwright.console.progress import say, without_messages
from boxwright.core import disk
from boxwright.core.errors import UserError
from boxwright.core.files import writing
from boxwright.core.wording import command, few, plural
from boxwright.dataset import gate, plan
from boxwright.run import anchor_facts, config_file, paths, settings
from boxwright.run.init import choice, data, machine, text
from boxwright.run.plan import DEMO

# The keys of a configuration's places of images and annotations.
_KEYS = ("images", "annotations")
# So many images take a while to plan.
_MANY = 2000
# Shares that measure, where the usual one leaves no objects to measure with.
_LARGER = (0.4, 0.6)


def write(folder: str, out: str | Path, *, keep: bool = False) -> str:
    """Write a configuration for the annotated images in a folder to the new file `out`; return what was found.

    keep: whether a file that is there already stays, if it is about images in the folder.

    Raises UserError if there is no such folder, if the file is there already or cannot be written, and where there is
    nothing to learn from in the folder.
    """
    path = Path(out)
    disk.require_new_file(path)
    if path.is_file():
        if not keep:
            raise UserError(
                f"{_no_folder(folder)}{path} is there already, and may have been edited. Run it with: "
                f"{command('run', '--configfile', path)}; or name another file with --out, or delete it."
            )
        places = list(dict.fromkeys(_places(path)))
        if not any(_is_inside(one, folder) or _is_inside(folder, one) for one in places or [folder]):
            whose = "the drawn demo" if places == [str(DEMO)] else few(places)
            raise UserError(
                f"{_no_folder(folder)}{path} is there already, for {whose}, not for {folder}. Name another file with "
                f"--out, or with `make run DATA={shlex.quote(folder)} CONFIG=other.yaml`."
            )
        return f"{path} is there already and is used as it is."
    found = data.look(folder)
    here = machine.look()
    found, chosen, content = _that_runs(found, here)
    with writing(path) as file:
        file.write(content.encode())
    return text.summary(found, chosen, path)


def _no_folder(folder: str) -> str:
    """That a folder is none, lines above others; "" if it is one."""
    try:
        gate.require_places([folder])
    except UserError as error:
        return f"{error}\n"
    return ""


def _places(config: Path) -> list[str]:
    """The folders and files of a configuration's data set; none if there are none, or if it cannot be read."""
    try:
        dataset = config_file.read(config)["dataset"]
        given = [one[key] for one in (dataset, *(dataset.get("sources") or ())) for key in _KEYS if one.get(key)]
        given += filter(None, (dataset.get("records") or {}).values())
        given += [str(DEMO)] if dataset.get("demo") is True else []
    except (UserError, LookupError, TypeError, AttributeError):
        return []
    return [str(path) for one in given for path in ([one] if isinstance(one, str) else one)]


def _is_inside(path: str, folder: str) -> bool:
    """Whether a path is a folder or below it."""
    whole, around = (Path(paths.expanded(one)).resolve() for one in (path, folder))
    return whole.is_relative_to(around)


def _that_runs(found: data.FolderFacts, here: machine.Machine) -> tuple[data.FolderFacts, choice.Choice, str]:
    """What is configured, the choice, and the text: the first one of which a data set can be planned.

    Raises UserError if none can.
    """
    if found.images >= _MANY:
        say(f"Planning the data set of {found.images:,} images, to see whether it runs")
    usual = choice.choose(found, here)
    with tempfile.TemporaryDirectory() as folder, without_messages():
        for attempt, fraction in _attempts(found):
            drawn = usual._replace(eval_fraction=fraction or usual.eval_fraction)
            content = yaml.safe_load(text.configuration(attempt, here, drawn))
            try:
                plan.make(settings.load(content)["dataset"], folder)
            except plan.TooLittleError:
                if found.sides.counts:
                    raise
                continue
            if missed := choice.missed(usual.detector, anchor_facts.some_samples(Path(folder) / "plan")):
                attempt = attempt._replace(missed=missed)
            chosen = choice.choose(attempt, here, fraction) if fraction or missed else usual
            return attempt, chosen, text.configuration(attempt, here, chosen)
    raise UserError(_too_little(found))


def _attempts(found: data.FolderFacts) -> Iterator[tuple[data.FolderFacts, float]]:
    """The ways to divide the images, the best first: facts, and the share that measures, 0 for the usual one."""
    yield found, 0.0
    if not found.sides.counts:
        yield from ((found, fraction) for fraction in _LARGER)
        yield from ((found._replace(one_scene=True, group_by=""), fraction) for fraction in (0.0, *_LARGER))


def _too_little(found: data.FolderFacts) -> str:
    """Why no division of the images leaves objects on both sides."""
    with_objects = found.images - found.negatives
    if with_objects < 2:
        return (
            f"{plural(with_objects, 'image')} in {found.folder} has a box, and a detector needs two at least: one to "
            "learn from and another one to measure with. Add annotated images."
        )
    return (
        f"The {with_objects} images with boxes in {found.folder} cannot be divided into some to learn from and others "
        "to measure with: each has a class that no other one has, copies of it aside. Add images of the same classes."
    )
