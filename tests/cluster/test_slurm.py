"""The whole workflow on a real Slurm cluster, its training disturbed on the way."""

import re
import subprocess
import sys
import threading
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from tests.cluster import slurm
from tests.workflow.conftest import ROOT, Project, new_project, small_model

pytestmark = pytest.mark.slow

# Long enough segments to be caught in the middle, and an autosave every moment.
MODEL = small_model(gpus=1, num_steps=60, checkpoint_every=30, save_every_s=0.2, tf_threads=1)
# The rules that compute with the network.
ON_GPUS = ("train_segment", "evaluate_checkpoint", "measure_frozen_graph", "measure_saved_model", "predict_images")
LAST = "results/models/small/train/model.ckpt-60.data-00000-of-00001"


class Watch:
    """Looks at the queue until it is closed: which GPUs each job had while it ran, by what Snakemake calls it."""

    def __init__(self, cluster: slurm.Slurm) -> None:
        self.gpus: dict[str, set[str]] = {}
        self._cluster, self._stop = cluster, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.3):
            for job in self._cluster.jobs():
                if job["JobState"] == "RUNNING":
                    self.gpus.setdefault(job["Comment"], set()).add(job["GRES"])


def start(project: Project, cluster: slurm.Slurm, log: Path) -> subprocess.Popen:
    """Snakemake on the cluster with its profile."""
    (project / "my.yaml").write_text(yaml.safe_dump(project.config))
    command = [sys.executable, str(ROOT / "tests/cluster/impatient_snakemake.py"), "--configfile", "my.yaml"]
    command += ["--snakefile", str(ROOT / "Snakefile"), "--profile", str(ROOT / "profiles/slurm")]
    return subprocess.Popen(
        command, cwd=project.folder, env=cluster.environment, stdout=log.open("w"), stderr=subprocess.STDOUT
    )


def training_job(cluster: slurm.Slurm, step: int) -> str | None:
    """The number of the running job that trains up to `step`."""
    for job in cluster.jobs():
        if job["JobState"] == "RUNNING" and re.match(f"rule_train_segment.*small_{step}$", job["Comment"]):
            return job["JobId"]
    return None


def autosaved(project: Project, step: int) -> bool:
    """Whether a segment up to `step` has saved something on its way."""
    saves = (project / "results/models/small/train/autosave").glob("model.ckpt-*.index")
    return any(step - 30 < int(re.search(r"ckpt-(\d+)", path.name)[1]) < step for path in saves)


def digest(project: Project) -> str:
    return sha256((project / LAST).read_bytes()).hexdigest()


def test_a_disturbed_run_on_the_cluster_ends_as_an_undisturbed_one_at_home(cluster, tmp_path):
    project = new_project(tmp_path / "cluster")
    project.config["models"] = {"small": MODEL}
    log = tmp_path / "snakemake.log"
    with closing(Watch(cluster)) as watch:
        process = start(project, cluster, log)
        try:
            # Preempted: the job goes back into the queue.
            slurm.wait_for(lambda: autosaved(project, 30) or process.poll() is not None, 400, "the first autosave")
            first = training_job(cluster, 30)
            assert first, log.read_text()
            cluster.run("scontrol", "requeue", first)
            # Cancelled: Snakemake submits another.
            slurm.wait_for(lambda: autosaved(project, 60) or process.poll() is not None, 400, "the next autosave")
            second = training_job(cluster, 60)
            assert second, log.read_text()
            cluster.run("scancel", second)
            assert process.wait(600) == 0, log.read_text()
        finally:
            process.terminate()
            process.wait(60)
    jobs = cluster.jobs()
    assert next(job for job in jobs if job["JobId"] == first)["Restarts"] == "1"
    assert next(job for job in jobs if job["JobId"] == second)["JobState"] == "CANCELLED"
    assert len([job for job in jobs if job["Comment"].startswith("rule_train_segment")]) == 3

    for name, gpus in watch.gpus.items():
        wanted = 1 if re.match(f"rule_({'|'.join(ON_GPUS)})", name) else 0
        assert all(re.match(r"gpu:fake:1\(IDX", each) if wanted else not each for each in gpus), (name, gpus)
    for kind in ("rule_plan_", "rule_records_", "rule_train_segment", "rule_evaluate_checkpoint"):
        assert any(name.startswith(kind) for name in watch.gpus), watch.gpus.keys()

    again = (project / "results/logs/train_segment/small-60.log").read_text()
    assert "continued from the autosave at step" in again
    assert "asks for 1 GPU" in again

    at_home = new_project(tmp_path / "home")
    at_home.config["models"] = {"small": MODEL}
    at_home.snakemake(LAST)
    assert digest(project) == digest(at_home)
