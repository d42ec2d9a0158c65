"""Everything that uses Snakemake's internals: what kind of process this is, which jobs run, what the terminal shows.

Snakemake does not guarantee these internals, so only tested versions are accepted. The rest of the library and the
rules use only what Snakemake documents.
"""

from importlib.metadata import version

from boxwright.core.errors import UserError

TRIED = ("9.27.0", "9.27.1")


def require_tried(found: str | None = None) -> None:
    """Raise UserError if the installed Snakemake (or the version `found`) is not a tested one."""
    found = found or version("snakemake")
    if found not in TRIED:
        raise UserError(
            f"Snakemake {found} is installed, but boxwright is tested only with {' and '.join(TRIED)}. Install the "
            f"right one with `make env`, or in another environment with `pip install snakemake=={TRIED[-1]}`."
        )
