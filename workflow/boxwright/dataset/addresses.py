"""The addresses that annotation tools state for images: which path they hold, and which file names they may mean."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

_SCHEME = re.compile(r"(?i)[a-z][a-z0-9+.-]+:(?://[^/]*)?")
# Label Studio serves files of its own disk under this query.
_LOCAL = re.compile(r"[?&]d=([^&#]*)")
# Schemes whose paths are encoded; those of buckets are not.
_ENCODED = ("http:", "https:", "file:")
# What Label Studio puts before the name of an image that is uploaded, and its exports before that.
_UPLOADED, _EXPORTED = (re.compile(rf"[0-9a-f]{{8}}{sign}(?=.)") for sign in ("-", "__"))
# What it leaves out of the names of uploaded images.
_LEFT_OUT = re.compile(r"[^-\w.]")


def path(address: str) -> str:
    """The path in a URL or a path: without scheme, host and query, and decoded where the rules of URLs say so."""
    if local := _LOCAL.search(address):
        return unquote(local[1])
    found = _SCHEME.match(address)
    if found is None or len(found[0]) <= 2:  # a letter and a colon are a drive of Windows
        return address
    place = address[found.end() :].partition("?")[0]
    return unquote(place) if found[0].lower().startswith(_ENCODED) else place


def base_names(stated: str) -> Iterator[str]:
    """The file names that a stated name, path or URL may mean, the likeliest first.

    After the name as it is written: without what Label Studio put before it, without a query, and decoded where it has
    "%20" or, from tools that encode twice, "%2520".
    """
    written = _base(stated)
    if not written:
        return
    yield written
    found = [written]
    if "?" in stated:
        found.append(_base(path(stated)).partition("?")[0])
    for name in [name for name in found if "%" in name]:
        once = unquote(name)
        found += [_base(once), _base(unquote(once))]
    for name in found:
        yield name
        yield from _without_marks(name)


def uploaded(stated: str) -> str:
    """The name of an image as Label Studio keeps it, without what is put before it; "" if it has no such marks."""
    return next(reversed([*_without_marks(_base(path(stated)))]), "")


def kept_name(name: str) -> str:
    """The name that Label Studio gives to an image: with "_" in place of spaces, and without other signs."""
    return _LEFT_OUT.sub("", name.strip().replace(" ", "_"))


def _without_marks(name: str) -> Iterator[str]:
    """A name without the marks that Label Studio puts before it: without the first, and without both."""
    for mark in (_EXPORTED, _UPLOADED):
        if put := mark.match(name):
            name = name[put.end() :]
            yield name


def _base(place: str) -> str:
    return place.replace("\\", "/").rpartition("/")[2]
