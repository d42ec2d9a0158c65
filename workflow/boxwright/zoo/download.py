"""One large file over HTTP: resumed where the connection broke, checked before it gets its name.

The bytes arrive in `<file>.part`, so a file of the right name is a whole and checked one. Proxies are those of the
environment (http_proxy, https_proxy, no_proxy), as urllib reads them.
"""

import http.client
import math
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from boxwright.console.progress import say, track
from boxwright.core.errors import UserError
from boxwright.core.files import sha256_file

# Attempts in a row that bring no new byte, and the pause after the first one in seconds, doubled after each.
ATTEMPTS = 5
PAUSE_S = 1.0
# Seconds without a byte after which a connection counts as broken.
TIMEOUT_S = 30.0
# HTTP answers that another attempt may improve.
PASSING = (408, 425, 429, 500, 502, 503, 504)
MB = 1_000_000
GZIP = b"\x1f\x8b"


class _BrokenError(Exception):
    """The transfer ended early, and another attempt may go on."""


def download(url: str, path: Path, *, size: int | None = None, sha256: str | None = None) -> None:
    """Download a gzip archive to `path`, which appears whole and checked or not at all; its folder must be there.

    `size` in bytes and `sha256` in hexadecimal are what the archive must have, None where that is not known: then its
    first bytes must at least be gzip's. Raises UserError where the server refuses, the connection keeps failing (what
    came so far stays for the next call), or the bytes are wrong.
    """
    part = path.with_name(f"{path.name}.part")
    resumed = _length(part) > 0
    _receive(url, part, size, path.name)
    wrong = mistake(part, size, sha256)
    if wrong and resumed:
        say(f"What an earlier run had of {path.name} does not fit the rest ({wrong}); downloading it again.")
        part.unlink()
        _receive(url, part, size, path.name)
        wrong = mistake(part, size, sha256)
    if wrong:
        part.unlink()
        raise UserError(
            f"{url} is not the archive that is expected: {wrong}. Nothing of it was kept. A proxy or a mirror may have "
            "answered with a page or an archive of its own."
        )
    part.replace(path)


def mistake(path: Path, size: int | None, sha256: str | None) -> str | None:
    """What is wrong with an archive, in words; None where it is as expected."""
    found = _length(path)
    if size is not None and found != size:
        return f"it has {found} bytes instead of {size}"
    if sha256 is not None:
        seen = sha256_file(path)
        return None if seen == sha256 else f"its SHA-256 is {seen} instead of {sha256}"
    with path.open("rb") as file:
        return None if file.read(len(GZIP)) == GZIP else "it is not gzip-compressed"


def megabytes(size: int | None) -> str:
    """A size for people."""
    return "size not known" if size is None else f"{size / MB:.0f} MB"


def _receive(url: str, part: Path, size: int | None, name: str) -> None:
    """Bring `part` to its whole length, over as many connections as that takes."""
    most, failures = _length(part), 0
    while True:
        try:
            _connect(url, part, size, name)
            return
        except _BrokenError as broken:
            have = _length(part)
            failures = 1 if have > most else failures + 1
            most = max(most, have)
            if failures >= ATTEMPTS:
                raise UserError(
                    f"{url} cannot be downloaded: {broken}, {ATTEMPTS} times in a row. "
                    + (f"{megabytes(have)} are kept, and the next run goes on from there. " if have else "")
                    + f"Without a connection put the archive at {part.with_suffix('')}; "
                    "behind a proxy set https_proxy and http_proxy; for a mirror set BOXWRIGHT_ZOO_MIRROR."
                ) from broken
            pause = PAUSE_S * 2 ** (failures - 1)
            say(f"{name}: {broken} after {megabytes(have)}; going on in {pause:.0f} s")
            time.sleep(pause)


def _connect(url: str, part: Path, size: int | None, name: str) -> None:
    """Append what one connection gives to `part`; raises _BrokenError where bytes are missing after it."""
    have = _length(part)
    if have and have == size:
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    with _open(urllib.request.Request(url, headers=headers), part) as response:
        # A server that does not know ranges sends the whole file.
        start = _range_start(response)
        if start not in (0, have):
            part.unlink()
            raise _BrokenError(f"the server sent the bytes from {start} on instead of {have}")
        left = response.headers.get("Content-Length")
        total = start + int(left) if left is not None else None
        if size is not None and total not in (None, size):
            raise UserError(
                f"{url} has {total} bytes, but the archive {name} has {size}. A proxy or a mirror may have answered "
                "with a page or an archive of its own."
            )
        try:
            with part.open("ab" if start else "wb") as file:
                blocks = None if total is None else math.ceil((total - start) / MB)
                for _ in track(_blocks(response, file), total=blocks, label=f"Downloading {name}", unit="MB"):
                    pass
        except OSError as error:
            raise UserError(f"{part} cannot be written: {error.strerror or error}. Make room and try again.") from error
        wanted = total if size is None else size
        if wanted is not None and _length(part) < wanted:
            raise _BrokenError("the connection ended")


def _open(request: urllib.request.Request, part: Path) -> http.client.HTTPResponse:
    try:
        return urllib.request.build_opener().open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        answer = f"the server answered {error.code} {error.reason}"
        if error.code == 416:  # there is nothing after what we have, so that is of another file
            part.unlink(missing_ok=True)
            raise _BrokenError(answer) from error
        if error.code in PASSING:
            raise _BrokenError(answer) from error
        raise UserError(
            f"{request.full_url} cannot be downloaded: {answer}. Where another server has the archive, set "
            f"BOXWRIGHT_ZOO_MIRROR, or put it at {part.with_suffix('')} yourself."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        if request.type == "file":  # a folder that lacks the file lacks it at the next attempt, too
            raise UserError(f"{request.full_url} cannot be read: {_reason(error)}.") from error
        raise _BrokenError(_reason(error)) from error


def _range_start(response: http.client.HTTPResponse) -> int:
    """Where in the file the bytes of this answer begin."""
    if response.status != 206:
        return 0
    unit_and_range = response.headers.get("Content-Range", "")
    first = unit_and_range.removeprefix("bytes ").split("-")[0]
    return int(first) if first.isdigit() else -1


def _blocks(response: http.client.HTTPResponse, file: IO[bytes]) -> Iterator[None]:
    """Write all that comes, piece by piece as it comes, and report each megabyte."""
    done = 0
    while piece := _piece(response):
        file.write(piece)
        reported, done = done // MB, done + len(piece)
        for _ in range(done // MB - reported):
            yield
    if done % MB:
        yield


def _piece(response: http.client.HTTPResponse) -> bytes:
    """What the connection has next, at most 64 KiB; empty at its end."""
    try:
        return response.read1(1 << 16)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Why a connection failed, in words."""
    reason = getattr(error, "reason", error)
    return getattr(reason, "strerror", None) or str(reason) or type(error).__name__


def _length(path: Path) -> int:
    """The size of a file in bytes, 0 where there is none."""
    return path.stat().st_size if path.is_file() else 0
