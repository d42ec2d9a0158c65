"""Download one large file over HTTP: a broken download is resumed, and the file is checked before it gets its name.

The bytes are written to `<file>.part`, so a file with the final name is complete and checked. Proxies come from the
environment (http_proxy, https_proxy, no_proxy), as urllib reads them.
"""

import http.client
import math
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from boxwright.console.progress import say, track
from boxwright.core.errors import UserError
from boxwright.core.files import sha256_file

# Consecutive attempts without a new byte before giving up, and the pause after the first one in seconds, doubled after
# each.
ATTEMPTS = 5
PAUSE_S = 1.0
# Seconds without a byte after which a connection counts as broken.
TIMEOUT_S = 30.0
# Seconds that a look at a server takes at most.
GLANCE_S = 5.0
# HTTP status codes after which another attempt may succeed.
PASSING = (408, 425, 429, 500, 502, 503, 504)
MB = 1_000_000
GZIP = b"\x1f\x8b"


class _BrokenError(Exception):
    """The transfer ended early; another attempt may continue it."""


class UntrustedError(UserError):
    """Nobody vouches for the bytes: they came without encryption, or the server's certificate is not valid."""


def download(url: str, path: Path, *, size: int | None = None, sha256: str | None = None, trust: bool = False) -> None:
    """Download a gzip archive to `path`, which appears complete and checked or not at all; its folder must exist.

    `size` in bytes and `sha256` in hexadecimal are the expected ones, None if not known; without a checksum the first
    bytes must at least be gzip's. With a checksum or with `trust` it does not matter how the bytes come.

    Raises UserError if the server refuses, if the connection keeps failing (the bytes received so far are kept for the
    next call), or if the bytes are wrong, and UntrustedError if nobody vouches for them.
    """
    any_way = trust or sha256 is not None
    part = path.with_name(f"{path.name}.part")
    resumed = _length(part) > 0
    _receive(url, part, size, path.name, any_way)
    wrong = mistake(part, size, sha256)
    if wrong and resumed:
        say(f"The part of {path.name} from an earlier run does not match the rest ({wrong}); downloading it again.")
        part.unlink()
        _receive(url, part, size, path.name, any_way)
        wrong = mistake(part, size, sha256)
    if wrong:
        part.unlink()
        raise UserError(
            f"{url} is not the expected archive: {wrong}. Nothing of it was kept. A proxy or a mirror may have "
            "answered with a page or an archive of its own."
        )
    part.replace(path)


def mistake(path: Path, size: int | None, sha256: str | None) -> str | None:
    """What is wrong with an archive, in words; None if it is as expected."""
    found = _length(path)
    if size is not None and found != size:
        return f"it has {found} bytes instead of {size}"
    if sha256 is not None:
        seen = sha256_file(path)
        return None if seen == sha256 else f"its SHA-256 is {seen} instead of {sha256}"
    with path.open("rb") as file:
        return None if file.read(len(GZIP)) == GZIP else "it is not gzip-compressed"


def is_plain(url: str) -> bool:
    """Whether an address is reached without encryption, so that anybody between here and there can change the bytes."""
    return urllib.parse.urlsplit(url).scheme == "http"


def unreachable(url: str, any_way: bool = False) -> str:
    """Why a file cannot be downloaded now, in words, after one short look that reads nothing of it; "" if it can.

    any_way: whether it does not matter who the server is.
    """
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=_context(any_way)))
    why = ""
    for method in ("HEAD", "GET"):  # some servers answer only the latter
        try:
            with opener.open(urllib.request.Request(url, method=method), timeout=GLANCE_S):
                return ""
        except urllib.error.HTTPError as error:
            why = f"the server answered {error.code} {error.reason}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            return _reason(error)
    return why


def megabytes(size: int | None) -> str:
    """A size in bytes as text for people."""
    return "size not known" if size is None else f"{size / MB:.0f} MB"


def _receive(url: str, part: Path, size: int | None, name: str, any_way: bool) -> None:
    """Download `part` completely, with as many connections as needed."""
    most, failures = _length(part), 0
    while True:
        try:
            _connect(url, part, size, name, any_way)
            return
        except _BrokenError as broken:
            have = _length(part)
            failures = 1 if have > most else failures + 1
            most = max(most, have)
            if failures >= ATTEMPTS:
                raise UserError(
                    f"{url} cannot be downloaded: {broken}, {ATTEMPTS} times in a row. "
                    + (f"{megabytes(have)} are kept, and the next run continues from there. " if have else "")
                    + f"Without a connection, put the archive at {part.with_suffix('')}; "
                    "behind a proxy, set https_proxy and http_proxy; for a mirror, set BOXWRIGHT_ZOO_MIRROR."
                ) from broken
            pause = PAUSE_S * 2 ** (failures - 1)
            say(f"{name}: {broken} after {megabytes(have)}; continuing in {pause:.0f} s")
            time.sleep(pause)


def _connect(url: str, part: Path, size: int | None, name: str, any_way: bool) -> None:
    """Append the bytes of one connection to `part`; raises _BrokenError if bytes are still missing after it."""
    have = _length(part)
    if have and have == size:
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    with _open(urllib.request.Request(url, headers=headers), part, any_way) as response:
        # A server that does not support ranges sends the whole file.
        start = _range_start(response)
        if start not in (0, have):
            part.unlink()
            raise _BrokenError(f"the server sent the bytes from {start} on instead of from {have} on")
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


def _open(request: urllib.request.Request, part: Path, any_way: bool) -> http.client.HTTPResponse:
    try:
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=_context(any_way)))
        response = opener.open(request, timeout=TIMEOUT_S)
        if not any_way and is_plain(response.url):  # https can be redirected to http
            response.close()
            raise UntrustedError(f"{response.url} is not encrypted")
        return response
    except urllib.error.HTTPError as error:
        answer = f"the server answered {error.code} {error.reason}"
        if error.code == 416:  # the file is not longer than the part, so the part belongs to another file
            part.unlink(missing_ok=True)
            raise _BrokenError(answer) from error
        if error.code in PASSING:
            raise _BrokenError(answer) from error
        raise UserError(
            f"{request.full_url} cannot be downloaded: {answer}. If another server has the archive, set "
            f"BOXWRIGHT_ZOO_MIRROR, or put the archive at {part.with_suffix('')} yourself."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        if isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError):
            why = getattr(error, "reason", error).verify_message
            raise UntrustedError(f"the certificate of {request.host} is not valid ({why})") from error
        if request.type == "file":  # another attempt would not find the file either
            raise UserError(f"{request.full_url} cannot be read: {_reason(error)}.") from error
        raise _BrokenError(_reason(error)) from error


def _context(any_way: bool) -> ssl.SSLContext:
    """What is asked of a server: a valid certificate, or nothing."""
    context = ssl.create_default_context()
    if any_way:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _range_start(response: http.client.HTTPResponse) -> int:
    """The position in the file at which the bytes of this answer begin."""
    if response.status != 206:
        return 0
    unit_and_range = response.headers.get("Content-Range", "")
    first = unit_and_range.removeprefix("bytes ").split("-")[0]
    return int(first) if first.isdigit() else -1


def _blocks(response: http.client.HTTPResponse, file: IO[bytes]) -> Iterator[None]:
    """Write the bytes as they arrive, and yield once for each megabyte."""
    done = 0
    while piece := _piece(response):
        file.write(piece)
        reported, done = done // MB, done + len(piece)
        for _ in range(done // MB - reported):
            yield
    if done % MB:
        yield


def _piece(response: http.client.HTTPResponse) -> bytes:
    """The next bytes of the connection, at most 64 KiB; empty at its end."""
    try:
        return response.read1(1 << 16)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Why a connection failed, in words."""
    reason = getattr(error, "reason", error)
    return getattr(reason, "strerror", None) or str(reason) or type(error).__name__


def _length(path: Path) -> int:
    """The size of a file in bytes, 0 if there is none."""
    return path.stat().st_size if path.is_file() else 0
