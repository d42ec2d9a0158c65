"""A Slurm cluster of one node with two GPUs that are none, in a folder of its own and without systemd.

Outside the folder there are only the packages `slurm-wlm` and `munge`, which are installed when they are missing, and,
while the cluster runs, the link /etc/slurm/slurm.conf: Snakemake's plugin takes SLURM_CONF away from its jobs.
"""

import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
SYSTEM_CONF = Path("/etc/slurm/slurm.conf")
GPUS = 2

# `config_overrides`: the node has what is written here, whatever the machine has. A job that goes back into the queue
# starts again when its credential has expired, so it expires soon; MinJobAge keeps finished jobs for `scontrol`.
CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=3600
KillWait=20
NodeName={host} NodeAddr=127.0.0.1 CPUs=16 RealMemory=64000 Gres=gpu:fake:{gpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Why there can be no cluster here; None where there can. Installs Debian's packages if need be."""
    if os.name != "posix" or os.geteuid() != 0:
        return "Slurm's daemons need root"
    if SYSTEM_CONF.exists():
        return f"this machine has a Slurm of its own ({SYSTEM_CONF})"
    if all(map(shutil.which, PROGRAMS)):
        return None
    if not shutil.which("apt-get"):
        return "Slurm is not installed, and there is no apt-get to install it with"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "timeout": 300}
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "slurm-wlm", "munge"]
    for command in (["apt-get", "update", "-qq"], install):
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(command, env=environment, check=False, **quiet)
    return None if all(map(shutil.which, PROGRAMS)) else "Debian's slurm-wlm and munge cannot be installed here"


class Slurm:
    """The running cluster; `environment` lets Slurm's programs, and Snakemake, find it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}

    def run(self, *command: str) -> str:
        """The output of one of Slurm's programs."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def jobs(self) -> list[dict[str, str]]:
        """What `scontrol show job` says about every job, by key."""
        blocks = self.run("scontrol", "show", "job", "--details").split("\n\n")
        fields = re.compile(r"(?:^|\s)([A-Za-z/:]+)=(.*?)(?=\s+[A-Za-z/:]+=|\s*$)", re.M)
        return [dict(fields.findall(block)) for block in blocks if "JobId=" in block]


@contextmanager
def running(folder: Path) -> Iterator[Slurm]:
    """Start the cluster; end it and all that runs in it afterwards."""
    folder.chmod(0o755)
    host = socket.gethostname().split(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir()
    for number in range(GPUS):
        os.mknod(folder / f"gpu{number}", 0o666 | 0o020000, os.makedev(1, 3))
    ports = {"controller_port": _free_port(), "node_port": _free_port()}
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(host=host, folder=folder, gpus=GPUS, **ports))
    gres = f"AutoDetect=off\nName=gpu Type=fake File={folder}/gpu[0-{GPUS - 1}]\n"
    (folder / "gres.conf").write_text(gres)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    slurm, daemons = Slurm(folder), []
    munge = {name: f"{folder}/munge.{name}" for name in ("socket", "pid", "log", "seed")}
    options = [f"--{name}-file={path}" for name, path in munge.items() if name != "socket"]
    starts = (
        ["munged", "--foreground", "--force", f"--socket={munge['socket']}", f"--key-file={key}", *options],
        ["slurmctld", "-D", "-c"],
        ["slurmd", "-D", "-c"],
    )
    SYSTEM_CONF.parent.mkdir(exist_ok=True)
    SYSTEM_CONF.unlink(missing_ok=True)  # a link that a killed test left
    SYSTEM_CONF.symlink_to(conf)
    try:
        for command in starts:
            log = (folder / f"{command[0]}.out").open("w")
            daemons.append(subprocess.Popen(command, env=slurm.environment, stdout=log, stderr=log))
            if command[0] == "munged":
                wait_for(Path(munge["socket"]).exists, 10, "munged")
        wait_for(lambda: "idle" in _state(slurm), 30, "the node")
        yield slurm
    finally:
        with suppress(Exception):
            slurm.run("scancel", "--full", "--signal=KILL", "--user=root")
            wait_for(lambda: not slurm.run("squeue", "--noheader").strip(), 30, "the end of all jobs")
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in reversed(daemons):
            try:
                daemon.wait(15)
            except subprocess.TimeoutExpired:
                daemon.kill()
        SYSTEM_CONF.unlink(missing_ok=True)


def wait_for(ready: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until `ready()` is true; TimeoutError that names `what` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.1)


def _state(slurm: Slurm) -> str:
    done = subprocess.run(["sinfo", "-h", "-o", "%t"], env=slurm.environment, capture_output=True, text=True)
    return done.stdout


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]
