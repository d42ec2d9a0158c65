"""`boxwright init`: looks at images and annotations and writes a configuration that runs, with the reasons for it.

Nothing is asked. `data` says what there is, `machine` what it can be computed on, `choice` decides, `text` writes.
"""

import shlex
from pathlib import Path

import yaml

from boxwright.core.errors import UserError
from boxwright.core.files import writing
from boxwright.run import settings
from boxwright.run.init import choice, data, machine, text


def write(folder: str, out: str | Path) -> str:
    """Write a configuration for the annotated images in a folder to the new file `out`; return what was found.

    Raises UserError if the file is there already, and where there is nothing to learn from in the folder.
    """
    path = Path(out)
    if path.exists():
        raise UserError(
            f"{path} is there already, and may have been edited. Run it with: snakemake --cores all --configfile "
            f"{shlex.quote(str(path))}; or name another file with --out, or delete it."
        )
    found = data.look(folder)
    here = machine.look()
    chosen = choice.choose(found, here)
    content = text.configuration(found, here, chosen)
    settings.load(yaml.safe_load(content))  # a configuration that is refused would be our mistake
    with writing(path) as file:
        file.write(content.encode())
    return text.summary(found, chosen, path)
