"""A training that several machines share: one process on each, a worker, started by Slurm's srun.

`launch` starts this module as a job step of as many tasks; each task trains the same segment, takes its part of every
batch, and meets the others in the sums over replicas. Worker 0 alone writes.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from boxwright.console import progress
from boxwright.core.errors import UserError
from boxwright.core.wording import plural
from boxwright.devices import replicas
from boxwright.pipeline import text

_MARK = "BOXWRIGHT_WORKER"
# Ports of two jobs on one machine must differ, and those of one job be known to all its workers.
_FIRST_PORT, _PORTS = 20_000, 20_000


class Worker(NamedTuple):
    """Which of how many workers this process is."""

    index: int = 0
    count: int = 1


def here() -> Worker:
    """This process among those that `launch` started; the only one elsewhere."""
    if _MARK not in os.environ:
        return Worker()
    return Worker(int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_STEP_NUM_TASKS"]))


def strategy(gpus: int) -> tf.distribute.Strategy:
    """What shares each batch with the other workers; `gpus` is how many this one has."""
    tasks = int(os.environ["SLURM_STEP_TASKS_PER_NODE"].split("(")[0].split(",")[0])
    port = _FIRST_PORT + int(os.environ["SLURM_JOB_ID"]) * 16 % _PORTS
    # The counts of GPUs only have to agree with each other: the resolver shares them out for processes that see all
    # of a machine's, and ours have taken theirs already.
    found = tf.distribute.cluster_resolver.SlurmClusterResolver(
        port_base=port, gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
    )
    found.num_accelerators = lambda *_, **__: {"GPU": gpus}
    return tf.distribute.MultiWorkerMirroredStrategy(found)


def agreement(shared: tf.distribute.Strategy | None) -> Callable[[bool], bool]:
    """A function that says whether any worker was asked to stop, the same for all after the same step."""
    if here().count == 1:
        return lambda asked: asked

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)], autograph=False)
    def total(asked: tf.Tensor) -> tf.Tensor:
        return shared.experimental_local_results(shared.run(lambda: replicas.total(tf.identity(asked))))[0]

    return lambda asked: bool(total(tf.constant(float(asked))) > 0)


def launch(arguments: Mapping[str, Any], *, tasks: int, nodes: int, gpus: int) -> None:
    """Run `segment.train_segment(**arguments)` as `tasks` workers on `nodes` machines with `gpus` GPUs in all.

    Raises UserError where it does not end well; what the workers said is on standard error.
    """
    if gpus % tasks:
        raise UserError(f"{gpus} GPUs cannot be shared by {tasks} workers; make `gpus` a multiple of `tasks`.")
    with tempfile.TemporaryDirectory(dir=arguments["train_dir"].parent) as folder:
        path = Path(folder) / "arguments"
        own = replace(arguments["compute"], gpus=gpus // tasks)
        path.write_bytes(pickle.dumps({**arguments, "config": text.to_text(arguments["config"]), "compute": own}))
        command = ["srun", f"--ntasks={tasks}", f"--nodes={nodes}", "--kill-on-bad-exit=1"]
        command += [f"--gpus-per-task={gpus // tasks}"] if gpus else []
        progress.say(f"Sharing the training between {tasks} processes on {plural(nodes, 'machine')}.")
        done = subprocess.run(
            [*command, sys.executable, "-m", __spec__.name, str(path)], env={**os.environ, _MARK: "1"}
        )
    if done.returncode:
        raise UserError("The shared training stopped; its workers say why above. The same command continues it.")


def main(path: str) -> int:
    """Train as one of the workers, with the arguments in the file `path`."""
    from boxwright.training.segment import train_segment

    arguments = pickle.loads(Path(path).read_bytes())
    arguments["config"] = text.parse(arguments["config"])
    with tempfile.TemporaryDirectory() as nowhere:
        if here().index:
            sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
            arguments["log_path"] = Path(nowhere) / "log.jsonl"
            arguments["events_path"] = Path(nowhere) / arguments["events_path"].name
        else:
            arguments["train_dir"].mkdir(parents=True, exist_ok=True)
        try:
            train_segment(**arguments)
        except UserError as error:
            print(f"\n{error}\n", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
