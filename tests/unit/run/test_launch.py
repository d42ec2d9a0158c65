"""`boxwright run` and `boxwright report`: what Snakemake is started with."""

import shlex
import shutil
import sys
from pathlib import Path

import pytest
import snakemake.cli  # noqa: F401 (its import starts a process, so it comes before `started` replaces those)

from boxwright import cli
from boxwright.core.wording import command
from boxwright.run import launch, places
from boxwright.snakemake_internals import options

SOUND = "dataset: {demo: true}\nresults: mine\nmodels: {m: {pipeline: p.config, num_steps: 1, checkpoint_every: 1}}\n"


class Started(list):
    """The commands that were started, each as (arguments for Snakemake, environment); status: what they end with."""

    status = 0


@pytest.fixture
def started(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text(SOUND)
    (tmp_path / "p.config").write_text("model {}")
    (tmp_path / "mine/comparison").mkdir(parents=True)
    (tmp_path / "mine/comparison/answer.rst").touch()
    commands = Started()

    class Process:
        def __init__(self, command, env):
            assert command[:6] == [sys.executable, "-P", "-m", "snakemake", "--snakefile", str(launch.SNAKEFILE)]
            commands.append((command[6:], env))
            self.interrupted = False

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def wait(self):
            if not self.interrupted and commands.status == 130:
                self.interrupted = True
                raise KeyboardInterrupt
            return commands.status

    monkeypatch.setattr(launch.subprocess, "Popen", Process)
    return commands


def test_a_run_and_its_report(started, capsys):
    assert cli.main(["run", "--configfile", "my.yaml"]) == 0
    assert [arguments for arguments, _ in started] == [
        ["--cores", "all", "--configfile", "my.yaml"],
        ["--report", str(Path("mine/report.html")), "--configfile", "my.yaml"],
    ]
    assert [launch._REPORTS in environment for _, environment in started] == [True, False]
    assert "The report is mine/report.html: open it in a browser." in capsys.readouterr().err


def test_other_options_and_targets_go_to_snakemake_and_a_dry_run_has_no_report(started):
    assert cli.main(["run", "-n", "--configfile", "my.yaml", "--cores", "3", "--profile", "profiles/gpu"]) == 0
    ((arguments, _),) = started
    assert arguments == ["--cores", "3", "-n", "--profile", "profiles/gpu", "--configfile", "my.yaml"]


@pytest.mark.parametrize("status", [1, 130])
def test_a_failed_or_interrupted_run_has_no_report(started, status):
    started.status = status
    assert cli.main(["run", "--configfile", "my.yaml"]) == status
    assert len(started) == 1


def test_only_the_report(started, capsys):
    assert cli.main(["report", "--configfile", "my.yaml"]) == 0
    assert len(started) == 1 and started[0][0][0] == "--report"
    Path("mine/comparison/answer.rst").unlink()
    assert cli.main(["report", "--configfile", "my.yaml"]) == 1
    told = capsys.readouterr().err
    first = command("run", "--configfile", "my.yaml")
    assert f"there is no mine/comparison/answer.rst. `{first}` finishes it." in told
    shutil.rmtree("mine")
    assert cli.main(["report", "--configfile", "my.yaml"]) == 1
    assert f"the folder mine does not exist. Run `{first}` first." in capsys.readouterr().err
    assert len(started) == 1


def test_what_writes_the_report(monkeypatch):
    monkeypatch.delenv(launch._REPORTS, raising=False)
    of_one_file = command("report", "--configfile", "my images.yaml")
    assert launch.how_to_report("results", "my images.yaml") == f"`{of_one_file}` writes it"
    assert launch.how_to_report("results", str(Path("my images.yaml").absolute())) == f"`{of_one_file}` writes it"
    other = str(Path("my results/report.html"))
    told = f"the same command with `--report {shlex.quote(other)}` writes it"
    assert launch.how_to_report("my results", None) == told
    monkeypatch.setenv(launch._REPORTS, "1")
    assert launch.how_to_report("results", "my.yaml") is None, "it follows"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--configfile", "nope.yaml"], "There is no configuration nope.yaml"),
        ([], "Name the configuration: `--configfile my.yaml`. Without one the demo runs, which is config/config.yaml"),
    ],
)
def test_a_configuration_that_is_not_there(started, capsys, arguments, told):
    assert cli.main(["run", *arguments]) == 1
    assert told in capsys.readouterr().err and not started


def test_without_a_configuration_the_demo_runs(started):
    shutil.copytree(launch.SNAKEFILE.parent / "config", "config")
    Path("results/comparison").mkdir(parents=True)
    Path("results/comparison/answer.rst").touch()
    assert cli.main(["run"]) == 0
    assert [arguments for arguments, _ in started] == [
        ["--cores", "all"],
        ["--report", str(Path("results/report.html"))],
    ]


def test_a_run_of_some_targets_has_no_report(started, capsys):
    shutil.rmtree("mine/comparison")
    assert cli.main(["run", "--configfile", "my.yaml", "mine/data/checks.tsv"]) == 0
    assert len(started) == 1 and "No report is written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (["--confgfile"], "There is no option --confgfile; did you mean --configfile?"),
        (["--core=2"], ""),
        (["--executer=slurm"], "did you mean --executor?"),
        (["--zzz"], "There is no option --zzz; `.venv/bin/snakemake --help` lists all."),
        (["--apptainer-args", "--nv --bind /scratch"], ""),
        (["--keep-going", "--", "--target"], ""),
        (
            ["--config", "b.yaml", "-n"],
            "--config takes KEY=VALUE, and b.yaml is none; a file is named with `--configfile ",
        ),
        (["--config=b.yaml"], "a file is named with `--configfile b.yaml`."),
        (["-C", "zoo_trust"], "-C takes KEY=VALUE, and zoo_trust is none."),
        (["--config", "a=1", "b=2", "--keep-going"], ""),
        (["--resources", "gpu"], "--resources takes NAME=INT, and gpu is none."),
        (["--set-thr", "train"], "--set-thr takes RULE=THREADS, and train is none."),
    ],
)
def test_a_misspelt_option_is_named(started, capsys, option, told):
    assert cli.main(["run", "--configfile", "my.yaml", *option]) == (2 if told else 0)
    assert told in capsys.readouterr().err and len(started) == (0 if told else 2)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (
            ["--profile", "mine"],
            "The profile mine needs Snakemake's plugin for vapour, which is not installed: profiles/",
        ),
        (["--profile=mine"], "The profile mine needs Snakemake's plugin for vapour"),
        (
            ["--executor", "slurm"],
            "--executor slurm needs Snakemake's plugin for slurm, which is not installed: `make env",
        ),
        (["--executor", "local"], ""),
        (["--profile", "elsewhere"], ""),
    ],
)
def test_an_executor_that_is_not_installed_is_named(started, capsys, monkeypatch, option, told):
    parser = options.get_argument_parser()
    parser._option_string_actions["--executor"].choices = ["local", "dryrun"]
    monkeypatch.setattr(options, "get_argument_parser", lambda: parser)
    Path("mine").mkdir(exist_ok=True)
    Path("mine/config.yaml").write_text("executor: vapour\njobs: 2\n")
    assert cli.main(["run", "--configfile", "my.yaml", *option]) == (2 if told else 0)
    assert told in capsys.readouterr().err and len(started) == (0 if told else 2)


def test_a_user_without_a_home_folder_gets_one(started, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(places, "home", lambda: "HOME is not set")
    monkeypatch.setattr(options, "refused", lambda given: pytest.fail("Snakemake cannot be loaded without a home"))
    assert cli.main(["run", "-n", "--keep-going", "--configfile", "my.yaml"]) == 0
    assert started[0][1]["HOME"] == str(tmp_path / ".snakemake/home") and (tmp_path / ".snakemake/home").is_dir()
    assert "This user has no home folder" in capsys.readouterr().err


def test_other_commands_take_no_unknown_options(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["doctor", "--fast"])
    assert (
        ended.value.code == 2 and "there is no option --fast; known are --help, --configfile" in capsys.readouterr().err
    )
