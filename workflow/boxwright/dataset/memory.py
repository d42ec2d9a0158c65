"""Remembers the facts of a data set's files, so that only changed files are read again.

The memory is a text file (`core.kept`). Its first line has the code identities of the readers that were used, by kind;
then comes a line per file with its kind, path, stamp and facts. A line is forgotten when its file changes or
disappears, or when the code of its kind changes. So a change to an annotation format does not cause images to be read
again, nor the other way round, and a change to a format that no file uses causes no reading at all.

Images have the kinds of `reading`. The kind of an annotation is the key of the format that read it; if it could not, it
is that with "!". What an annotation says also depends on the files that explain it, so their stamps are beside its own.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from boxwright.catalog import formats as catalogue
from boxwright.core import code, hashing, kept
from boxwright.dataset import annotation_facts, image_facts, reading
from boxwright.dataset.contents import Contents, recalled
from boxwright.dataset.memo import Memo
from boxwright.dataset.scan import File
from boxwright.dataset.sources import Annotated

_quote = json.encoder.encode_basestring_ascii
_UNREAD = "!"


def identity(kind: str) -> str | None:
    """The code identity of the reader of a kind; None if the kind no longer exists."""
    if kind in (reading.IMAGE, reading.DECODED):
        return code.identity(image_facts.__name__)
    entry = catalogue.by_key().get(kind.removeprefix(_UNREAD))
    return hashing.short(code.identity(annotation_facts.__name__, entry.module), entry) if entry else None


def current(identities: Mapping[str, str]) -> bool:
    """Whether the readers still have these identities (by kind), so that they would give the same facts again."""
    return all(identity(kind) == then for kind, then in identities.items())


class Memory:
    """The remembered facts of files, by kind, path and stamp."""

    def __init__(self, path: Path | None) -> None:
        """`path` is where it is kept; without, it begins empty."""
        self._path = path
        self._known: dict[str, str] = {}
        self._used: dict[str, str] = {}
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
        self, images: Sequence[File], annotations: Sequence[Annotated], decode: bool, label: str, contents: Contents
    ) -> tuple[list[str], list[str], bool]:
        """A line of facts for each image and for each annotation, as `image_facts.said` and `annotation_facts.said`
        read them, and whether the memory changed.

        It may be called again, for further files. Files whose stamp is unchanged are not opened, unless `contents`
        lacks something of an image. `decode` also decodes the images' pixels; `label` is for the progress bar.
        """
        kind = reading.DECODED if decode else reading.IMAGE
        keys = [_key(kind, file) for file in images] + _keys(annotations)
        said = list(map(self._known.get, keys))
        unknown = [place for place, line in enumerate(said) if line is None] if None in said else []
        unknown = [place for place in unknown if not self._recall_unread(place, keys, said)]
        changed = bool(unknown) or len(keys) + len(self._used) != len(self._known)
        if contents.kinds:
            lacking = [
                place for place, line in enumerate(said[: len(images)]) if line and contents.lacks(_sha256(line))
            ]
            unknown = sorted({*unknown, *lacking})
        # Annotations first: one file may hold those of all images, and is read while others read the images.
        unknown.sort(key=lambda place: place < len(images))
        of_image = "".join([kind, *[reading.AND + one for one in contents.kinds]])
        wanted: list[tuple[str, ...]] = []
        for place in unknown:
            if place < len(images):
                wanted.append((of_image, images[place].path))
            else:
                file, key, beside = annotations[place - len(images)]
                wanted.append((key, file.path, *beside))
        for place, line in zip(unknown, reading.inspect(wanted, label), strict=True):
            if place < len(images):
                line, *texts = line.split(reading.THEN)
                contents.learn(_sha256(line), texts)
            else:
                of, _, line = line.partition("\t")
                if not of:
                    keys[place] = _UNREAD + keys[place]
            said[place] = line
        self._used |= dict(zip(keys, said, strict=True))
        self._kinds |= {key[: key.index(" ")] for key in keys[len(images) :]} | ({kind} if images else set())
        return said[: len(images)], said[len(images) :], changed

    def _recall_unread(self, place: int, keys: list[str], said: list[str | None]) -> bool:
        """Look for the reason why the file at a place cannot be read; return whether it was found."""
        key = _UNREAD + keys[place]
        if (line := self._known.get(key)) is not None:
            keys[place], said[place] = key, line
        return line is not None

    def identities(self) -> dict[str, str | None]:
        """The code identities of the kinds that were recalled."""
        return {kind: identity(kind) for kind in sorted(self._kinds)}

    def save(self) -> None:
        """Write the file, whole or not at all."""
        lines = [f"{key}\t{line}" for key, line in self._used.items()]
        kept.write(self._path, "\n".join([json.dumps(self.identities()), *lines]))


def _keys(annotations: Sequence[Annotated]) -> list[str]:
    """Under which key the facts of each annotation are."""

    def stamps(paths: tuple[str, ...]) -> str:
        return hashing.short([(path, _stamp(path)) for path in paths]) if paths else ""

    beside = Memo(stamps)
    return [
        f"{key} {_quote(file.path)} {file.stamp}{f' {beside[others]}' if others else ''}"
        for file, key, others in annotations
    ]


def _stamp(path: str) -> list[int]:
    try:
        of = Path(path).stat()
    except OSError:
        return []
    return [of.st_size, of.st_mtime_ns, of.st_ino]


def _sha256(line: str) -> str:
    """The hash in an image's line of facts."""
    return line[: line.index("\t")]


def _key(kind: str, file: File) -> str:
    return f"{kind} {_quote(file.path)} {file.stamp}"
