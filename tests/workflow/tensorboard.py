"""The real TensorBoard on a folder, read over HTTP as its pages read it."""

import json
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS_TO_START = 60
# Where the page of each plugin asks for the values of a tag.
VALUES = {"scalars": "scalars", "images": "images", "text": "text", "pr_curves": "pr_curves"}


class TensorBoard:
    """A running TensorBoard; `tags` and `values` ask a plugin."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str, **query: str) -> bytes:
        asked = f"{self.address}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.read()

    def tags(self, plugin: str) -> dict[str, set[str]]:
        """Run -> the tags that a plugin shows of it; runs without any are left out."""
        found = json.loads(self.get(f"/data/plugin/{plugin}/tags"))
        return {run: set(tags) for run, tags in found.items() if tags}

    def values(self, plugin: str, run: str, tag: str) -> list:
        return json.loads(self.get(f"/data/plugin/{plugin}/{VALUES[plugin]}", run=run, tag=tag))

    def picture(self, sample: dict) -> bytes:
        """The bytes of an image that `values` listed."""
        with urllib.request.urlopen(f"{self.address}/data/plugin/images/individualImage?{sample['query']}") as answer:
            return answer.read()


@contextmanager
def tensorboard(folder: Path) -> Iterator[TensorBoard]:
    """Start TensorBoard on a folder, at a free port, until the block ends."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--port", "0", "--host", "localhost"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said: list[str] = []
    listener = threading.Thread(target=lambda: said.extend(iter(process.stdout.readline, "")), daemon=True)
    listener.start()
    try:
        end = time.monotonic() + SECONDS_TO_START
        while not (address := re.search(r"http://localhost:\d+", "".join(said))):
            assert process.poll() is None and time.monotonic() < end, "".join(said)
            time.sleep(0.1)
        board = TensorBoard(address[0])
        while not _loaded(board):
            assert time.monotonic() < end, "".join(said)
            time.sleep(0.2)
        yield board
    finally:
        process.terminate()
        process.wait(timeout=30)


def _loaded(board: TensorBoard) -> bool:
    """Whether TensorBoard has read every run; it shows runs as it finds them."""
    try:
        return {"train", "train_input", "eval", "eval_train"} <= set(json.loads(board.get("/data/runs")))
    except (urllib.error.URLError, ConnectionError):
        return False
