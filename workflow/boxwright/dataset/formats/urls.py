"""The path of an image in the address that an annotation tool states for it."""

import re
from urllib.parse import unquote

_SCHEME = re.compile(r"(?i)[a-z][a-z0-9+.-]+:(?://[^/]*)?")
# Label Studio serves files of its own disk under this query.
_LOCAL = re.compile(r"[?&]d=([^&#]*)")
_QUERY = re.compile(r"\?.*", re.DOTALL)


def path(address: str) -> str:
    """The path in a URL or a path: without scheme, host, query and percent signs; other texts are left as they are.

    Some tools write "%2520" for a blank: what is encoded twice is decoded twice.
    """
    if local := _LOCAL.search(address):
        return _decoded(local[1])
    found = _SCHEME.match(address)
    if found and len(found[0]) > 2:  # a letter and a colon are a drive of Windows
        return _decoded(_QUERY.sub("", address[found.end() :]))
    return _decoded(address) if "/" in address and "%" in address else address


def _decoded(text: str) -> str:
    once = unquote(text)
    return unquote(once) if "%" in once else once
