"""Milliseconds per image of an exported frozen graph at batch 1.

    python benchmarks/export_latency.py --config pipeline.config --checkpoint model.ckpt --images FOLDER

Exports the checkpoint of any pipeline.config, opens the frozen graph in one session and runs it on decoded images. This
is the cost in a program that keeps the session open. --peer names another frozen graph with the OD API's tensor names;
it is timed in turns with ours.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from PIL import Image

from boxwright.export import predict
from boxwright.export.forms import checkpoint
from boxwright.export.forms import frozen_graph as form
from boxwright.images import loader
from boxwright.pipeline import text
from boxwright.runtimes import Detect, frozen_graph

WARM_UP = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", required=True, help="pipeline.config")
    parser.add_argument("--checkpoint", required=True, help="prefix of the checkpoint")
    parser.add_argument("--images", help="folder of images; without it, one image of noise")
    parser.add_argument("--size", default="1024x640", help="width x height to scale images to (default 1024x640)")
    parser.add_argument("--threads", type=int, default=2, help="intra-op threads (default 2)")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--peer", help="another frozen graph to time in the same run")
    arguments = parser.parse_args()

    pictures = load(arguments.images, tuple(map(int, arguments.size.split("x"))))
    config = text.read(arguments.config)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        prefix, graph = Path(folder) / "model.ckpt", Path(folder) / "frozen_inference_graph.pb"
        checkpoint.write(checkpoint.Engine(config, arguments.checkpoint), prefix)
        form.write(prefix, graph)
        print(f"exported in {time.perf_counter() - start:.1f} s, {graph.stat().st_size / 1e6:.1f} MB")
        networks = {"boxwright": frozen_graph.load(graph, arguments.threads)}
    if arguments.peer:
        networks["peer"] = frozen_graph.load(arguments.peer, arguments.threads)

    first = {name: seconds(network, pictures[0]) for name, network in networks.items()}
    for network in networks.values():
        for _ in range(WARM_UP):
            seconds(network, pictures[0])
    times: dict[str, list[float]] = {name: [] for name in networks}
    for run in range(arguments.runs):
        for name, network in networks.items():
            times[name].append(seconds(network, pictures[run % len(pictures)]))
    print(
        f"{arguments.runs} runs on {len(pictures)} images of {arguments.size}, {arguments.threads} threads, "
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    )
    for name, values in times.items():
        median, best = 1e3 * statistics.median(values), 1e3 * min(values)
        print(f"{name}: median {median:.1f} ms, best {best:.1f} ms, first call {1e3 * first[name]:.0f} ms")


def load(folder: str | None, size: tuple[int, int]) -> list[np.ndarray]:
    """Up to 20 images, each uint8 [1, height, width, 3]."""
    if folder is None:
        return [np.random.default_rng(0).integers(0, 255, (1, size[1], size[0], 3), dtype=np.uint8)]
    found = [loader.load_rgb(one.path) for one in predict.find(folder)[:20]]
    return [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))[np.newaxis] for image in found]


def seconds(network: Detect, picture: np.ndarray) -> float:
    start = time.perf_counter()
    network(picture)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
