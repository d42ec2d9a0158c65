"""Training shared by several machines: Slurm's srun starts one worker process on each.

`launch` starts this module as a job step with one task for each worker (see `workers`).
"""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from boxwright.console import progress
from boxwright.core import processes
from boxwright.core.errors import UserError
from boxwright.core.wording import plural
from boxwright.pipeline import text
from boxwright.training.segment import train_segment
from boxwright.training.workers import MARK, here


def launch(arguments: Mapping[str, Any], *, tasks: int, nodes: int, gpus: int) -> None:
    """Run `segment.train_segment(**arguments)` as `tasks` workers on `nodes` machines with `gpus` GPUs in total.

    Raises UserError if a worker fails; the workers' messages are on standard error.
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
        done = subprocess.run([*command, *processes.command(__spec__.name, str(path))], env={**os.environ, MARK: "1"})
    if done.returncode:
        raise UserError("The shared training stopped; see the workers' messages above. The same command continues it.")


def main(path: str) -> int:
    """Train as one of the workers, with the arguments in the file `path`."""
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
