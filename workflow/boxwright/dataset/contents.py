"""Remembers what only some data sets need to know of their images' contents, by kind and sha256.

A kind is a module of `images` with a function `text(data) -> str`: "fingerprint" what an image looks like, "capture"
when and with which camera it was taken. They are computed together with the facts, while an image is read, and once for
each content: neither a new name nor a new time makes an image be computed again.

The memory is a text file. Its first line has the code identities by kind, each further line the kind, sha256 and text.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from boxwright.core import code
from boxwright.core.files import writing
from boxwright.images import capture, fingerprint

KINDS = {"fingerprint": fingerprint, "capture": capture}


def identities(kinds: Iterable[str]) -> dict[str, str]:
    """The code identities of what computes some kinds."""
    return {kind: code.identity(KINDS[kind].__name__) for kind in sorted(kinds)}


class Contents:
    """The remembered texts of the wanted kinds."""

    def __init__(self, path: Path, kinds: Sequence[str]) -> None:
        self.kinds = tuple(kinds)
        self._path = path
        self._known: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
        self._changed = False
        if not kinds:
            return
        # Line by line, since the file may be larger than all else that a plan remembers.
        with suppress(OSError, ValueError, TypeError), path.open(encoding="ascii") as file:
            then, now = dict(json.loads(file.readline())), identities(KINDS)
            for line in file:
                kind, _, rest = line.partition(" ")
                sha256, _, text = rest.partition(" ")
                # a line without its end was cut short
                if line.endswith("\n") and kind in now and then.get(kind) == now[kind]:
                    self._known[kind][sha256] = text[:-1]

    def lacks(self, sha256: str) -> bool:
        """Whether a wanted text of an image is unknown; "" stands for an image that could not be read."""
        return bool(sha256) and any(sha256 not in self._known[kind] for kind in self.kinds)

    def learn(self, sha256: str, texts: Sequence[str]) -> None:
        """Remember the texts of the wanted kinds, in their order."""
        for kind, text in zip(self.kinds, texts, strict=True):
            self._changed |= self._known[kind].get(sha256) != text
            self._known[kind][sha256] = text

    def of(self, kind: str) -> Mapping[str, str]:
        """The known texts of a kind by sha256."""
        return self._known[kind]

    def save(self, used: Iterable[str]) -> None:
        """Write the file if something was learned; of other images than those in use nothing is kept."""
        if not self._changed:
            return
        used = set(filter(None, used))
        with writing(self._path, "w") as file:
            file.write(json.dumps(identities(KINDS)) + "\n")
            for kind, known in self._known.items():
                file.writelines(f"{kind} {sha} {text}\n" for sha, text in known.items() if sha in used)
