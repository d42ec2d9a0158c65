"""Headless Chromium, driven over its DevTools pipe: no driver program, no further package.

The protocol is JSON, each message ended by a zero byte, read by Chromium from file descriptor 3 and written to 4
(https://chromedevtools.github.io/devtools-protocol/).
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

# Of a telephone, a small screen and a large one, in pixels.
WIDTHS = (390, 1280, 1920)
NAMES = ("chromium", "chromium-browser", "google-chrome")


def find() -> str | None:
    """The path of a Chromium; None where none is installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


# The parts of a page that reach beyond the right edge of the window, but for those within a frame that scrolls.
_TOO_WIDE = """(() => {
  const beyond = one => one.getBoundingClientRect().right > innerWidth + 1;
  const scrolls = one => ['auto', 'scroll'].includes(getComputedStyle(one).overflowX) && !beyond(one);
  const around = one => one.parentElement ? [one.parentElement, ...around(one.parentElement)] : [];
  return [...document.body.querySelectorAll('*')]
    .filter(one => one.getBoundingClientRect().width && beyond(one) && !around(one).some(scrolls))
    .map(one => `${one.tagName} ${one.className}: ${one.textContent.slice(0, 40)}`);
})()"""


class Page:
    """One page in a fresh browser, without network; use it in a `with` block.

    `problems` holds what the page complained about: errors on the console, uncaught exceptions, what failed to load.
    """

    def __init__(self, width: int = 1440, height: int = 900, dark: bool = False) -> None:
        self.problems: list[str] = []
        self._size, self._dark = (width, height), dark
        self._number, self._buffer, self._session = 0, b"", None

    def __enter__(self) -> "Page":
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        in_read, self._write = os.pipe()
        self._read, out_write = os.pipe()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]
        command = [find(), *flags, "--remote-debugging-pipe", f"--user-data-dir={self._profile.name}", "about:blank"]

        def descriptors() -> None:
            # Both are moved out of the way first: either may be 3 or 4 itself.
            spare = os.dup(in_read), os.dup(out_write)
            high = os.dup2(spare[0], 30), os.dup2(spare[1], 31)
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=descriptors, close_fds=False
        )
        os.close(in_read)
        os.close(out_write)
        target = next(one for one in self._ask("Target.getTargets")["targetInfos"] if one["type"] == "page")
        attached = self._ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")
        width, height = self._size
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._ask("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if self._dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)
        self._profile.cleanup()

    def open(self, path: Path) -> None:
        """Open a file and wait until it is loaded."""
        self._ask("Page.navigate", url=path.resolve().as_uri())
        self.wait("document.readyState === 'complete'")

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited where it is a promise."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Wait until a JavaScript condition holds."""
        end = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({condition})"):
            if time.monotonic() > end:
                raise TimeoutError(f"{condition} did not come true within {seconds} s")
            time.sleep(0.05)

    def too_wide(self) -> list[str]:
        """What of the page one would have to scroll to the side for, or that is cut off there."""
        scrolled = self.evaluate("document.documentElement.scrollWidth - innerWidth")
        return [*([f"the page, by {scrolled} pixels"] if scrolled > 0 else []), *self.evaluate(_TOO_WIDE)]

    def screenshot(self, path: Path) -> None:
        """Write a PNG of what is seen."""
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"]))

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self._note(answer)

    def _receive(self, seconds: float = 60) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], seconds)[0]:
                raise TimeoutError(f"Chromium said nothing for {seconds} s")
            part = os.read(self._read, 1 << 20)
            if not part:
                raise RuntimeError("Chromium ended")
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(line)

    def _note(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.problems.append(" ".join(str(one.get("value", one.get("description"))) for one in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Network.loadingFailed" and not params.get("canceled"):
            self.problems.append(f"failed to load: {params['errorText']}")
