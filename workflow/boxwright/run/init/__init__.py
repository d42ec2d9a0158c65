"""`boxwright init`: looks at images and annotations and writes a configuration that runs, with the reasons for it.

Nothing is asked. `data` says what there is, `machine` what it can be computed on, `choice` decides, `text` writes.
"""

import contextlib
import io
import tempfile
from pathlib import Path

import yaml

from boxwright.core.errors import UserError
from boxwright.core.files import writing
from boxwright.core.wording import command
from boxwright.dataset import plan
from boxwright.run import settings
from boxwright.run.init import choice, data, machine, text

# So many images are enough for a split with objects on both sides; below, so many seeds are tried.
_MANY, _SEEDS = 200, 20


def write(folder: str, out: str | Path) -> str:
    """Write a configuration for the annotated images in a folder to the new file `out`; return what was found.

    Raises UserError if the file is there already, and where there is nothing to learn from in the folder.
    """
    path = Path(out)
    if path.exists():
        raise UserError(
            f"{path} is there already, and may have been edited. Run it with: "
            f"{command('run', '--configfile', path)}; or name another file with --out, or delete it."
        )
    found = data.look(folder)
    here = machine.look()
    chosen = choice.choose(found, here)
    content = _that_runs(found, here, chosen)
    with writing(path) as file:
        file.write(content.encode())
    return text.summary(found, chosen, path)


def _that_runs(found: data.FolderFacts, here: machine.Machine, chosen: choice.Choice) -> str:
    """The text of a configuration. Of few images, chance may leave a side without objects: then another seed draws.

    Raises UserError if no seed helps.
    """
    mistakes = []
    for seed in range(1 if found.sides else _SEEDS):
        content = text.configuration(found, here, chosen, seed)
        read = settings.load(yaml.safe_load(content))
        if found.images >= _MANY:
            return content
        try:
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
                plan.make(read["dataset"], folder, write=False)  # a message names no table that is gone
            return content
        except UserError as error:
            mistakes.append(error)
    raise mistakes[0]
