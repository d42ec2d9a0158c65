"""`boxwright doctor`: what this machine has, and what would make a run fail on it."""

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from boxwright import devices
from boxwright.console import progress
from boxwright.core.disk import nearest
from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural
from boxwright.devices import instructions
from boxwright.run import (
    measured,
    pipelines,
    places,
    preflight,
    refusal,
    resources,
    room,
    settings,
)
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan
from boxwright.zoo import fetch
from boxwright.zoo.catalogue import Entry
from boxwright.zoo.download import megabytes

OK, WARNING, FAILS = "ok", "warning", "fails"

OLDEST, NEWEST = (3, 11), (3, 13)
PACKAGES = ("snakemake", "numpy", "protobuf", "pillow", "matplotlib", "faster-coco-eval")
# Of each plugin what needs it, and how it is installed.
PLUGINS = {
    "snakemake_executor_plugin_slurm": ("profiles/slurm", "make env CLUSTER=yes"),
    "snakemake_executor_plugin_kubernetes": ("profiles/kubernetes", "profiles/README.md says how"),
    "snakemake_storage_plugin_s3": ("object storage", "make env CLUSTER=yes"),
    "snakemake_storage_plugin_http": ("object storage", "make env CLUSTER=yes"),
}
# What Snakemake, Python and one job need before any image is read.
LEAST_MEMORY_MB = 2000
LEAST_DISK_MB = 2000

# Run in a separate process, since listing the GPUs makes TensorFlow take them.
_TENSORFLOW = """
import json, os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
gpus = tf.config.list_physical_devices("GPU")
names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
build = tf.sysconfig.get_build_info()
print(json.dumps({"version": tf.__version__, "cuda": build.get("cuda_version"), "cudnn": build.get("cudnn_version"),
                  "gpus": names}))
"""


class Observation(NamedTuple):
    """One line: the level (`OK`, `WARNING` or `FAILS`), what was examined, what was found."""

    level: str
    what: str
    text: str


def examine(config: str | Path | None = None) -> list[Observation]:
    """All findings; `config` is the configuration of the run that the machine must suit, None for the machine alone."""
    run, findings = _read(config)
    there = nvidia_gpus()
    return [
        *findings,
        *_python(),
        *_packages(),
        *tensorflow(ask_tensorflow(), there, run),
        *_plugins(),
        _fonts(),
        *_places(),
        *memory(available_memory_mb(), run),
        *disk(shutil.disk_usage(_disk_of(run)).free // 10**6, run),
        *downloads(run),
        *times(run),
        Observation(OK, "processors", f"{devices.processors()} of {os.cpu_count()}{_instructions()}"),
    ]


def table(findings: Sequence[Observation]) -> str:
    """The findings as text for a person, with a last line that sums them up."""
    marks = {OK: "  ", WARNING: "! ", FAILS: "x "}
    width = max(len(finding.what) for finding in findings)
    below = "\n" + " " * (width + 4)
    lines = [
        f"{marks[finding.level]}{finding.what:<{width}}  {below.join(finding.text.splitlines())}"
        for finding in findings
    ]
    fails = sum(finding.level == FAILS for finding in findings)
    warnings = sum(finding.level == WARNING for finding in findings)
    told = [f"{plural(fails, 'thing')} would fail (x)" if fails else "Nothing would fail"]
    told += [f"{plural(warnings, 'thing is', 'things are')} worth a look (!)"] if warnings else []
    return "\n".join([*lines, f"\n{', and '.join(told)}." if fails or warnings else "\nEverything is fine."])


def _instructions() -> str:
    """The instructions for bfloat16 that the processors have."""
    found = sorted(instructions.here())
    return f", with {' and '.join(found)}" if found else ""


def _read(config: str | Path | None) -> tuple[dict[str, Any] | None, list[Observation]]:
    """The settings in a configuration, None without one or if it is wrong; and what would make its run fail."""
    if config is None:
        return None, []
    try:
        run = settings.read(config)
    except UserError as error:
        return None, [Observation(FAILS, "configuration", refusal.told(error))]
    wrong = places.results(run["results"])
    found = [Observation(FAILS, "results", wrong)] if wrong else []
    if absent := pipelines.absent(run["models"]):
        text = f"{config}; the rest of the run is not examined before {few(absent)} is downloaded"
        return run, [Observation(WARNING, "configuration", text), *_unusable(run), *found]
    wrong = "\n".join(_refused(run, config))
    return run, [Observation(FAILS if wrong else OK, "configuration", wrong or str(config)), *found]


def _unusable(run: dict[str, Any]) -> Iterator[Observation]:
    """The archives of the zoo that cannot be used."""
    try:
        pipelines.require_usable(run["models"], run["zoo_trust"])
    except UserError as error:
        yield Observation(FAILS, "configuration", str(error))


def _refused(run: dict[str, Any], config: str | Path) -> list[str]:
    """What the run itself would refuse, before its first job, in data, pipeline.config files and start weights."""
    try:
        plan = RunPlan.of_sound(run, [config], with_data=True)
    except UserError as error:
        return [refusal.told(error)]
    return preflight.mistakes(plan, Identities(plan))[0]


def _python() -> Iterator[Observation]:
    version = sys.version_info[:2]
    level = OK if OLDEST <= version <= NEWEST else FAILS
    wanted = "" if level == OK else "; TensorFlow 2.21 supports only 3.11 to 3.13; run: make PYTHON=python3.12 env"
    yield Observation(level, "Python", f"{platform.python_version()} ({sys.executable}){wanted}")
    yield Observation(OK, "system", platform.platform())


def _packages() -> Iterator[Observation]:
    for name in PACKAGES:
        try:
            yield Observation(OK, name, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Observation(FAILS, name, "is missing; run: make env")


def tensorflow(
    found: Mapping[str, Any] | None, there: Sequence[str], run: Mapping[str, Any] | None
) -> Iterator[Observation]:
    """Compare TensorFlow (its answer; None if it cannot be imported) and the machine's GPUs with what the run wants."""
    for gpu in there:
        yield Observation(OK, "GPU", gpu)
    if found is None:
        yield Observation(FAILS, "tensorflow", "cannot be imported; run: make env")
        return
    build = f"built for CUDA {found['cuda']}, cuDNN {found['cudnn']}" if found["cuda"] else "built for CPUs"
    yield Observation(OK, "tensorflow", f"{found['version']}, {build}")
    wanted = max((model["gpus"] for model in run["models"].values()), default=0) if run else 0
    seen = len(found["gpus"])
    if there and not found["cuda"]:
        level = FAILS if wanted else WARNING
        yield Observation(level, "GPUs", "TensorFlow's build for CPUs sees no GPU; run: make env BUILD=gpu")
    elif there and not seen:
        text = "TensorFlow sees none of the GPUs; check the version of the driver and CUDA_VISIBLE_DEVICES"
        yield Observation(FAILS if wanted else WARNING, "GPUs", text)
    elif seen < wanted:
        text = f"{seen} here, but `gpus` requests {wanted}; fine if this machine only submits jobs to a cluster"
        yield Observation(WARNING, "GPUs", text)
    else:
        yield Observation(OK, "GPUs", ", ".join(found["gpus"]) or "none")


def _plugins() -> Iterator[Observation]:
    for module, (purpose, how) in PLUGINS.items():
        there = importlib.util.find_spec(module) is not None
        name = module.replace("_", "-")
        if there:
            yield Observation(OK, name, importlib.metadata.version(name))
        else:
            yield Observation(OK, name, f"not installed; only {purpose} needs it ({how})")


def _fonts() -> Observation:
    from PIL import features

    if features.check("freetype2"):
        return Observation(OK, "fonts", "FreeType is available")
    return Observation(
        FAILS, "fonts", "Pillow was built without FreeType, so no label can be drawn; install Pillow's wheel"
    )


def _places() -> Iterator[Observation]:
    """Whether Snakemake can write where it has to before it reads any rule."""
    working, home, cache = places.working_folder(), places.home(), places.cache()
    yield Observation(FAILS if working else OK, "folder", working or str(Path.cwd()))
    if home:
        yield Observation(FAILS, "home", home)
    if cache:
        cache = f"Snakemake cannot keep its cache ({cache}); set {places.VARIABLE}, else it is in {places.INSTEAD}"
    yield Observation(WARNING if cache else OK, "cache", cache or "Snakemake can keep its cache")


def memory(available_mb: int | None, run: Mapping[str, Any] | None) -> Iterator[Observation]:
    """Compare main memory with what the largest job requests."""
    if available_mb is None:
        yield Observation(OK, "memory", "unknown")
        return
    models = run["models"].values() if run else ()
    wanted = max((resources.of_training(model).memory_mb for model in models), default=LEAST_MEMORY_MB)
    text = f"{available_mb} MB free; the largest job requests {wanted} MB"
    if available_mb < LEAST_MEMORY_MB:
        yield Observation(FAILS, "memory", text)
    else:
        yield Observation(OK if available_mb >= wanted else WARNING, "memory", text)


def _disk_of(run: Mapping[str, Any] | None) -> Path:
    """The folder that decides which disk the results lie on: the results folder, or the nearest that exists."""
    return nearest(run["results"] if run else ".")


def times(run: Mapping[str, Any] | None) -> Iterator[Observation]:
    """How long each training will take, at the pace of its last one and with as long a start of each segment."""
    for name, model in run["models"].items() if run else ():
        pace = measured.steps_per_second(run["results"], name)
        steps = plural(model["num_steps"], "step")
        text = f"{name}: unknown for {steps}, until a first segment has been trained"
        segments = len(settings.checkpoint_steps(model))
        if taken := measured.training_seconds(run["results"], name, model["num_steps"], segments):
            taken = progress.duration(taken)
            text = f"{name}: about {taken} for {steps}, at the {pace:.2f} steps/s of its last training"
        yield Observation(OK, "time", text)


def disk(free_mb: int, run: Mapping[str, Any] | None) -> Iterator[Observation]:
    """Compare the free space of the results' disk with the checkpoints and records that the run will write."""
    wanted = LEAST_DISK_MB
    if run:
        wanted += room.records_mb(run) + round(sum(room.checkpoints_mb(run, name) for name in run["models"]))
    text = f"{free_mb} MB free in {_disk_of(run)}; the run needs about {wanted} MB"
    yield Observation(OK if free_mb >= wanted else FAILS, "disk", text)


def downloads(run: Mapping[str, Any] | None) -> Iterator[Observation]:
    """Whether the archives of the zoo that the run has to download can be had now; each server is asked shortly."""
    models = run["models"] if run else {}
    wanted = {found: name for name, model in models.items() if (found := pipelines.entry(model))}
    for found, name in wanted.items():
        if fetch.is_here(found) or _is_refused(found, run["zoo_trust"]):
            continue
        what = f"{found.name} ({megabytes(found.size)})"
        why = fetch.unreachable(found, run["zoo_trust"])
        told = f"cannot be downloaded: {why.rstrip('.')}. {_by_hand(found, name, models[name])}"
        yield Observation(FAILS if why else OK, "model zoo", f"{what} {told if why else 'will be downloaded'}")


def _is_refused(found: Entry, trust: bool) -> bool:
    """Whether an archive must not be downloaded as it is, which is told with the configuration."""
    try:
        return bool(fetch.untrusted(found, trust))
    except UserError:  # of the address that the environment gives
        return True


def _by_hand(found: Entry, name: str, model: Mapping[str, Any]) -> str:
    """What to do where an archive cannot be downloaded, in sentences."""
    shown = model["repeat_of"] or name
    keys = [f"`models.{shown}.{key}`" for key in ("checkpoint", "pipeline") if key == "checkpoint" or not model[key]]
    archive = f"the archive, which is published at {found.url}, at {found.archive}"
    return (
        f"Put {archive} by hand, or set {' and '.join(keys)} to files that are here. "
        "Behind a proxy, set https_proxy and http_proxy."
    )


def nvidia_gpus() -> list[str]:
    """Name, free and total memory and driver of every NVIDIA GPU, whether TensorFlow can use it or not."""
    query = ["nvidia-smi", "--query-gpu=name,memory.free,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = [line.split(", ") for line in done.stdout.splitlines()] if done.returncode == 0 else []
    return [f"{row[0]}, {row[1]} free of {row[2]}, driver {row[3]}" for row in rows if len(row) == 4]


def available_memory_mb() -> int | None:
    """Main memory that is free or can be freed, in MB; None if the system does not tell."""
    try:
        status = Path("/proc/meminfo").read_text()
    except OSError:
        return None
    return int(re.search(r"MemAvailable:\s+(\d+) kB", status)[1]) // 1000


def ask_tensorflow() -> dict[str, Any] | None:
    """What TensorFlow says about itself and its GPUs, from a process of its own; None if it cannot be imported."""
    try:
        done = subprocess.run([sys.executable, "-P", "-c", _TENSORFLOW], capture_output=True, text=True, timeout=120)
        return json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, IndexError, ValueError):
        return None
