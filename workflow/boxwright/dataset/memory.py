"""Remembers the facts of a data set's files, so that only changed files are read again.

The memory is a text file (`core.kept`). Its first line has the code identities of the readers that were used, by kind;
then comes a line per file with its kind, path, stamp and facts. A line is forgotten when its file changes or
disappears, or when the code of its kind changes. So a change to an annotation format does not cause images to be read
again, nor the other way round, and a change to a format that no file uses causes no reading at all.

Images have the kinds of `reading`. The kind of an annotation is the key of the format that read it. If none did, it is
"!" with the keys of all formats that were tried, because another format with its ending may read it later.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from boxwright.catalog import formats as catalogue
from boxwright.core import code, kept
from boxwright.dataset import annotation_facts, formats, image_facts, reading
from boxwright.dataset.contents import Contents, recalled
from boxwright.dataset.memo import Memo
from boxwright.dataset.scan import File

_quote = json.encoder.encode_basestring_ascii
_UNREAD = "!"


def identity(kind: str) -> str | None:
    """The code identity of the reader of a kind; None if the kind no longer exists."""
    if kind in (reading.IMAGE, reading.DECODED):
        return code.identity(image_facts.__name__)
    keys, known = kind.removeprefix(_UNREAD), catalogue.by_key()
    if kind.startswith(_UNREAD) and keys not in map(_joined, catalogue.by_ending().values()):
        return None
    modules = [known[key].module for key in keys.split(formats.OR) if key in known]
    return code.identity(annotation_facts.__name__, *modules) if modules else None


def current(identities: Mapping[str, str]) -> bool:
    """Whether the readers still have these identities (by kind), so that they would give the same facts again."""
    return all(identity(kind) == then for kind, then in identities.items())


class Memory:
    """The remembered facts of files, by kind, path and stamp."""

    def __init__(self, path: Path | None) -> None:
        """`path` is where it is kept; without, it begins empty."""
        self._path = path
        self._known: dict[str, str] = {}
        self._kinds: set[str] = set()
        found = None if path is None else recalled(path, "the images and annotations are read again")
        if found is None:
            return
        identities, lines = found
        rows = (line.partition("\t") for line in lines)
        self._known = {key: said for key, _, said in rows if said}
        if outdated := tuple([f"{kind} " for kind, then in identities.items() if identity(kind) != then]):
            self._known = {key: said for key, said in self._known.items() if not key.startswith(outdated)}

    def recall(
        self, images: Sequence[File], annotations: Sequence[File], decode: bool, label: str, contents: Contents
    ) -> tuple[list[str], list[str], bool]:
        """A line of facts for each image and for each annotation, as `image_facts.said` and `annotation_facts.said`
        read them, and whether the memory changed.

        Files whose stamp is unchanged are not opened, unless `contents` lacks something of an image. `decode` also
        decodes the images' pixels; `label` is for the progress bar.
        """
        kind = reading.DECODED if decode else reading.IMAGE
        files = [*images, *annotations]
        work = [_Work(kind, (kind,))] * len(images) + _work(annotations)
        keys = [f"{of.results[0]} {_quote(file.path)} {file.stamp}" for of, file in zip(work, files, strict=True)]
        said = list(map(self._known.get, keys))
        unknown = [place for place, line in enumerate(said) if line is None] if None in said else []
        unknown = [place for place in unknown if not self._recall_other(place, keys, said, work, files)]
        changed = bool(unknown) or len(keys) != len(self._known)
        if contents.kinds:
            lacking = [
                place for place, line in enumerate(said[: len(images)]) if line and contents.lacks(_sha256(line))
            ]
            unknown = sorted({*unknown, *lacking})
        more = "".join([reading.AND + one for one in contents.kinds])
        wanted = [(work[place].kind + (more if place < len(images) else ""), files[place].path) for place in unknown]
        lines = reading.inspect(wanted, label)
        for place, line in zip(unknown, lines, strict=True):
            if place < len(images):
                line, *texts = line.split(reading.THEN)
                contents.learn(_sha256(line), texts)
            else:
                of, _, line = line.partition("\t")
                keys[place] = _key(of or _UNREAD + work[place].kind, files[place])
            said[place] = line
        self._known = dict(zip(keys, said, strict=True))
        self._kinds = {key[: key.index(" ")] for key in keys[len(images) :]} | ({kind} if images else set())
        return said[: len(images)], said[len(images) :], changed

    def _recall_other(
        self, place: int, keys: list[str], said: list[str | None], work: Sequence["_Work"], files: Sequence[File]
    ) -> bool:
        """Look for the facts of the file at a place under its less likely kinds; return whether they were found."""
        for kind in work[place].results[1:]:
            key = _key(kind, files[place])
            if (line := self._known.get(key)) is not None:
                keys[place], said[place] = key, line
                return True
        return False

    def identities(self) -> dict[str, str | None]:
        """The code identities of the kinds that were recalled."""
        return {kind: identity(kind) for kind in sorted(self._kinds)}

    def save(self) -> None:
        """Write the file, whole or not at all."""
        lines = [f"{key}\t{line}" for key, line in self._known.items()]
        kept.write(self._path, "\n".join([json.dumps(self.identities()), *lines]))


class _Work(NamedTuple):
    """How a file is read: the kind of work, and the kinds that its facts may have, the likeliest first."""

    kind: str
    results: tuple[str, ...]


def _work(annotations: Sequence[File]) -> list[_Work]:
    """How each annotation is read: by the formats that have its ending."""
    by_ending = catalogue.by_ending()

    def of(ending: str) -> _Work:
        entries = by_ending[f".{ending.lower()}"]
        joined = _joined(entries)
        return _Work(joined, (*[one.key for one in entries], _UNREAD + joined))

    work = Memo(of)
    return [work[file.path.rpartition(".")[2]] for file in annotations]


def _sha256(line: str) -> str:
    """The hash in an image's line of facts."""
    return line[: line.index("\t")]


def _key(kind: str, file: File) -> str:
    return f"{kind} {_quote(file.path)} {file.stamp}"


def _joined(entries: Iterable[catalogue.Format]) -> str:
    return formats.OR.join([one.key for one in entries])
