"""What a person reads while a run works, on a terminal and in a file."""

import os
import pty
import re
import subprocess

import pytest

from tests.workflow.conftest import new_project


def lines(text: str) -> list[str]:
    return re.findall(r"^(?:\d\d:\d\d:\d\d )?\[\d+/\d+\] (.*)$", text, re.M)


def test_a_file_has_one_plain_line_for_each_stage(finished):
    text = finished.first.text
    assert "\r" not in text and "\x1b" not in text and "Job 1:" not in text
    told = lines(text)
    for stage in (
        r"Checking the annotations: 24 images, 24 annotations, nothing wrong \(.*\)",
        r"Writing records: 3 shards \(.*\)",
        r"Training small up to step 6: loss [\d.]+, [\d.]+ steps/s \(.*\)",
        r"Evaluating small at step 6: mAP@.50IOU [\d.]+ \([^()]+\)",  # its few images give no interval
        r"Exporting small: [\d,]+ weights \(.*\)",
        r"Writing the frozen graph of small: [\d.]+ MB, \d+ ms per image here \(.*\)",
        r"Writing the SavedModel of small: [\d.]+ MB, \d+ ms per image here \(.*\)",
        "All results are in results",
    ):
        assert sum(bool(re.fullmatch(stage, line)) for line in told) == 1, (stage, told)
    log = (finished / "results/logs/evaluate_checkpoint/small-6.log").read_text()
    assert "average precision" in log and "average precision" not in text
    assert not list((finished / "results/logs").rglob("*.progress"))


def last_line_about_the_report(text: str) -> str:
    return re.search(r"^Report: +results/report.html \((.*)\)$", text, re.M)[1]


def test_the_last_lines_name_the_command_that_writes_the_report(finished, tmp_path):
    command = re.fullmatch(r"`(.*) --configfile my.yaml` writes it", last_line_about_the_report(finished.first.text))[1]
    project = finished.copy(tmp_path / "copy")
    done = subprocess.run(f"{command} --configfile my.yaml", shell=True, cwd=project.folder, capture_output=True)
    assert done.returncode == 0 and (project / "results/report.html").is_file(), done.stderr


def test_a_run_whose_configuration_is_not_one_file_names_its_own_command(finished, tmp_path):
    project = finished.copy(tmp_path / "copy")
    for file in (project / "results/comparison").iterdir():
        file.unlink()
    told = last_line_about_the_report(project.snakemake("--config", "zoo_trust=True").text)
    assert told == "the same command with `--report results/report.html` writes it"


def test_why_a_job_failed_comes_last_with_the_place_of_its_log(tmp_path):
    project = new_project(tmp_path, images=12)
    project.snakemake("results/data/label_map.pbtxt")
    damaged = project / "results/data/label_map.pbtxt"
    damaged.write_bytes(damaged.read_bytes().replace(b"circle", b"cyrcle"))
    outcome = project.snakemake("results/data/eval-00000-of-00001.tfrecord", code=1)
    label, why, log = outcome.text.splitlines()[-3:]
    assert label == "Writing eval records 00000-of-00001 failed."
    assert why.startswith("results/data/label_map.pbtxt is damaged") and outcome.text.count("is damaged") == 1
    assert log == "Whole log: results/logs/write_records/eval-00000-of-00001.log"
    for hidden in ("Traceback", "RuleException", "Error in rule", "message: None"):
        assert hidden not in outcome.text


@pytest.mark.skipif(os.name != "posix", reason="needs a terminal of Unix")
def test_a_terminal_has_the_same_lines_and_bars(tmp_path):
    project = new_project(tmp_path, images=12)
    project.write_config()
    master, slave = pty.openpty()
    command = project.command("results/data/eval.coco.json")
    environment = os.environ | {"TERM": "xterm"}
    with subprocess.Popen(command, cwd=tmp_path, stdout=slave, stderr=slave, env=environment) as process:
        os.close(slave)
        read = bytearray()
        try:
            while piece := os.read(master, 65536):
                read += piece
        except OSError:  # the other end is closed
            pass
    os.close(master)
    text = read.decode()
    assert process.returncode == 0, text
    assert "\x1b[J" in text and re.search(r"Writing the ground truth in COCO's format \.\.\. [\d.]+ s", text)
    told = lines(re.sub(r"\x1b\[\d*[A-Za-z]", "\n", text).replace("\r", ""))
    assert any(line.startswith("Writing the ground truth in COCO's format: 1 image, ") for line in told), text
