"""The content of `config/zoo.yaml`: address, checksum and published figures of every detector of the zoo."""

import difflib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from boxwright.core.errors import UserError
from boxwright.core.wording import few
from boxwright.zoo import PREFIX

CATALOGUE = Path(__file__).resolve().parents[3] / "config" / "zoo.yaml"
# The folder of archives and unpacked models, relative to the folder in which the workflow runs.
ZOO = Path("resources/zoo")
# libyaml, if it is installed, reads the catalogue eight times faster.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Entry:
    """One published detector.

    name: as in `zoo:<name>`; url: of the archive; family: meta-architecture in words; extractor: the type of feature
    extractor that its pipeline.config names; input: "300x300", or "600-1024" for the shorter side and the limit of
    the longer one; map, ms: as published; size: of the archive in bytes; sha256: of the archive in hexadecimal;
    checkpoint: prefix of the weights in the unpacked folder. None means not known.
    """

    name: str
    url: str
    family: str
    extractor: str | None
    input: str | None
    map: float | str | None
    ms: float | None
    size: int | None
    sha256: str | None
    checkpoint: str

    @property
    def archive(self) -> Path:
        """The path of the downloaded archive."""
        return ZOO / f"{self.name}.tar.gz"

    @property
    def folder(self) -> Path:
        """The folder of the archive's unpacked contents."""
        return ZOO / self.name

    @property
    def pipeline(self) -> Path:
        """The pipeline.config that comes with the weights."""
        return self.folder / "pipeline.config"

    @property
    def prefix(self) -> Path:
        """The prefix of the unpacked checkpoint."""
        return self.folder / self.checkpoint

    @property
    def identity(self) -> str:
        """The identity of the weights: the archive's checksum, or its address if no checksum is known.

        Of the publisher's server, that with http: results of earlier releases hold it, and it has the same weights.
        """
        return self.sha256 or re.sub("^https(?=://download.tensorflow.org/)", "http", self.url)


@dataclass(frozen=True)
class Table:
    """Detectors whose figures are comparable: `map` and `ms` say in words what was measured and on what."""

    title: str
    map: str
    ms: str
    entries: tuple[Entry, ...]


def tables() -> tuple[Table, ...]:
    """The catalogue in its own order."""
    return _read(CATALOGUE)


def names() -> list[str]:
    """The names of all detectors."""
    return [entry.name for table in tables() for entry in table.entries]


def find(name: str) -> Entry:
    """The entry of a name, with or without `zoo:`; raises UserError with the nearest names for an unknown one."""
    name = name.removeprefix(PREFIX).strip()
    if not name:
        raise UserError(f"No detector of the model zoo is named after `{PREFIX}`: `make models` lists all.")
    for table in tables():
        for entry in table.entries:
            if entry.name == name:
                return entry
    near = _near(name.lower())
    hint = f"the nearest {'names are' if len(near) > 1 else 'name is'} {few(near, 5)}; " if near else ""
    raise UserError(f"There is no {name} in the model zoo: {hint}`make models` lists all.")


def _near(name: str) -> list[str]:
    """The names that begin like a wrong one, and others that resemble it if these are few."""
    begin = [one for one in names() if one.startswith(name)]
    alike = difflib.get_close_matches(name, names(), n=3, cutoff=0.4)
    return [*begin, *(one for one in alike if one not in begin)][: max(3, len(begin))]


@cache
def _read(path: Path) -> tuple[Table, ...]:
    with path.open(encoding="utf-8") as file:
        return tuple(_table(table) for table in yaml.load(file, _LOADER)["tables"])


def _table(table: dict[str, Any]) -> Table:
    entries = tuple(_entry(name, values, table) for name, values in table["models"].items())
    return Table(table["title"], table["map"], table["ms"], entries)


def _entry(name: str, values: dict[str, Any], table: dict[str, Any]) -> Entry:
    return Entry(
        name=name,
        url=values.get("url", table["url"]).format(name=name),
        family=values["family"],
        extractor=values["extractor"],
        input=values["input"],
        map=values["map"],
        ms=values["ms"],
        size=values.get("bytes"),
        sha256=values.get("sha256"),
        checkpoint=table["checkpoint"],
    )
