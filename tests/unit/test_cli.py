"""The `boxwright` command."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
from tests.factories import SSD_PARTS, DataSet

from boxwright.cli import COMMANDS, main
from boxwright.zoo import fetch

CLEAN = """
model {
  ssd {
    num_classes: 3
    feature_extractor { type: "ssd_mobilenet_v1" conv_hyperparams { batch_norm { train: false } } }
    freeze_batchnorm: true
    box_predictor { convolutional_box_predictor {} }
  }
}
train_config {
  batch_size: 8
  num_steps: 100
  optimizer { use_moving_average: false adam_optimizer { learning_rate { constant_learning_rate {} } } }
}
""".replace("freeze_batchnorm", f"{SSD_PARTS} freeze_batchnorm")


@pytest.fixture
def write(tmp_path):
    def write(name, source):
        path = tmp_path / name
        path.write_text(source)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("inti", "there is no command inti; did you mean `init`?"),
        ("Doctor", "there is no command Doctor; did you mean `doctor`?"),
        ("train", "there is no command train; did you mean `run`?"),
        ("predict x", "there is no command predict; did you mean `detect`?"),
        ("qqq", "there is no command qqq; known are lint, models, fetch, doctor, "),
        ("my.yaml", "boxwright run --configfile my.yaml`"),
        ("init photos --ou x.yaml", ""),
        ("init photos --outt x.yaml", "there is no option --outt; did you mean --out?"),
        ("convert a b --too voc", "there is no option --too; did you mean --to?"),
        ("convert a b --to=pascal", "pascal is none of its formats; did you mean `voc`?"),
        ("convert a b --to yolov8", "yolov8 is none of its formats; did you mean `yolo`?"),
        ("convert a b --to kitti", "kitti is none of its formats; known are voc, coco, yolo, csv"),
        ("convert a b --to voc --format mscoco", "mscoco is no format; did you mean `coco`?"),
        ("detect d x --treshold 0.5", "there is no option --treshold; did you mean --score-threshold?"),
        ("doctor --config x", ""),
        ("models more", ""),
        (
            "run --cores zwei",
            "--cores: zwei is no number of processors: write a whole number from 1 on, or all",
        ),
        ("run --cores 0", "0 is no number of processors"),
        ("run --cores=-1", "-1 is no number of processors"),
        ("run --cores 2", ""),
        ("report more", "unrecognized arguments: more"),
    ],
)
def test_a_misspelt_command_or_option(command, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text("dataset: {}")
    ran = []
    for module in COMMANDS:
        monkeypatch.setattr(module, "run", lambda given: ran.append(given.command) or 0)
    if not told:
        assert main(command.split()) == 0 and ran == [command.split()[0]]
        return
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    assert ended.value.code == 2 and not ran and told in capsys.readouterr().err


def test_a_sound_file_ends_with_0(write, capsys):
    assert main(["lint", write("a.config", CLEAN)]) == 0
    assert capsys.readouterr().out == "1 file: no findings\n"


def test_warnings_end_with_0_and_errors_with_1(write, capsys):
    warned = write("warned.config", CLEAN.replace("batch_size: 8", "batch_size: 512\n  num_batch_queue_threads: 3"))
    assert main(["lint", warned]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{warned}:11: warning pod-batch: train_config.batch_size is 512: ")
    assert lines[1].startswith(f"{warned}:12: info train_config.num_batch_queue_threads: deprecated")
    assert lines[2] == "1 file: 1 warning, 1 info"

    wrong = write("wrong.config", CLEAN.replace("ssd_mobilenet_v1", "ssd_mobilenet_v9"))
    assert main(["lint", warned, wrong]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith(f"{wrong}:5: error unsupported: model.ssd.feature_extractor.type is 'ssd_mobilenet_v9'")
    assert "Use 'ssd_mobilenet_v" in lines[2]
    assert lines[3] == "2 files: 1 error, 1 warning, 1 info"


def test_a_file_that_does_not_parse_is_an_error(write, capsys):
    bad = write("bad.config", "model { ssd { num_clases: 3 } }")
    assert main(["lint", bad]) == 1
    assert (
        f"error: {bad}:1:15: model.ssd has no field `num_clases`; nearest known: num_classes" in capsys.readouterr().out
    )


def test_a_missing_file_is_an_error_without_a_traceback(tmp_path, capsys):
    assert main(["lint", str(tmp_path / "none.config")]) == 1
    assert "none.config" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["lint"], ["polish"], ["lint", "--loud", "a.config"]])
def test_wrong_usage_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: boxwright" in capsys.readouterr().err


def test_published_files_lint_whole(shared, capsys):
    paths = [str(path) for path in sorted((shared / "odapi" / "configs").glob("*.config"))]
    assert main(["lint", *paths]) == 1, "some need an extractor that the engine has not"
    assert capsys.readouterr().out.splitlines()[-1].startswith("24 files: ")


def test_models_lists_the_zoo(capsys):
    assert main(["models"]) == 0
    assert "ssd_mobilenet_v1_coco_2018_01_28 " in capsys.readouterr().out


def test_models_are_listed_by_words_of_their_names(capsys):
    assert main(["models", "SSD", "fpn_640"]) == 0
    said = capsys.readouterr().out
    assert "ssd_mobilenet_v1_fpn_640x640_coco17_tpu-8 " in said and "ssd_mobilenet_v1_coco_2018_01_28" not in said
    assert "iNaturalist" not in said and "Not compared" in said
    assert main(["models", "ssd", "yolo"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("No detector of the model zoo has ssd and yolo in its name; ")
    assert told.endswith("models` lists all.\n")


def test_an_unknown_detector_is_not_fetched(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["fetch", "ssd_mobilenet_v1_coco_2018_01_28", "ssd_mobilenet_v1_coc"]) == 1
    assert "There is no ssd_mobilenet_v1_coc in the model zoo: the nearest names are" in capsys.readouterr().err
    assert not list(tmp_path.iterdir()), "names are checked before the first download"


def test_the_checkpoint_that_a_file_names_is_looked_into(write, tmp_path, capsys):
    from boxwright.checkpoints import checkpoint_files

    checkpoint_files.write(tmp_path / "model.ckpt", {"MobilenetV1/Conv2d_0/weights": np.zeros(2)})
    train = f'batch_size: 8\n  fine_tune_checkpoint: "{tmp_path}/model.ckpt"\n  fine_tune_checkpoint_type: "detection"'
    path = write("a.config", CLEAN.replace("batch_size: 8", train))
    assert main(["lint", path]) == 1
    told = capsys.readouterr().out
    assert f"{path}:13: error checkpoint-type: " in told and "of a classification model" in told


def test_a_broken_label_map_beside_the_checkpoint_that_a_file_names_is_told(write, tmp_path, capsys):
    from boxwright.checkpoints import checkpoint_files

    checkpoint_files.write(tmp_path / "model.ckpt", {"FeatureExtractor/MobilenetV1/Conv2d_0/weights": np.zeros(2)})
    write("label_map.pbtxt", "item { id: 0 }")
    train = f'batch_size: 8\n  fine_tune_checkpoint: "{tmp_path}/model.ckpt"\n  fine_tune_checkpoint_type: "detection"'
    path = write("a.config", CLEAN.replace("batch_size: 8", train))
    assert main(["lint", path]) == 1
    told = capsys.readouterr().out
    assert told.startswith(f"error: {path}: ") and "label_map.pbtxt cannot be used: " in told


def test_the_label_map_that_a_file_names_is_counted(write, tmp_path, capsys):
    names = write("label_map.pbtxt", 'item { id: 1 name: "cat" } item { id: 4 name: "dog" }')
    path = write("a.config", f'{CLEAN}train_input_reader {{ label_map_path: "{names}" }}')
    assert main(["lint", path]) == 1
    assert (
        f"{path}:4: error num-classes: model.ssd.num_classes is 3: the ids of the label map go up to 4"
        in capsys.readouterr().out
    )
    write("label_map.pbtxt", "".join(f'item {{ id: {number} name: "class {number}" }} ' for number in (1, 2, 3, 4)))
    assert main(["lint", path]) == 1
    assert "model.ssd.num_classes is 3: the label map has 4 classes" in capsys.readouterr().out
    write("label_map.pbtxt", "item { id: 0 }")
    assert main(["lint", path]) == 1
    assert "label_map.pbtxt cannot be used: " in capsys.readouterr().out


def test_a_file_without_a_model_is_named(write, capsys):
    path = write("empty.config", "# nothing yet")
    assert main(["lint", path]) == 1
    assert capsys.readouterr().out.startswith(f"error: {path}: The pipeline configuration has no model: ")


def test_what_is_no_file_is_told(tmp_path, capsys):
    assert main(["lint", str(tmp_path), str(tmp_path / "none.config")]) == 1
    told = capsys.readouterr().out.splitlines()
    assert (
        told[0] == f"error: {tmp_path} is a folder. Name the files."
        and "cannot be read (No such file or directory)" in told[1]
    )
    assert told[2] == "2 files: 2 errors"


def test_a_folder_and_other_files_are_told_in_words(write, tmp_path, capsys):
    files = [write("my.yaml", "dataset: {}\n"), write("map.pbtxt", 'item { id: 1 name: "a" }')]
    write("a.config", CLEAN)
    assert main(["lint", str(tmp_path), *files, "x" * 300]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[:3] == [
        f"error: {tmp_path} is a folder. Name the files, such as {tmp_path / 'a.config'}.",
        f"error: {files[0]} looks like YAML, such as a configuration of boxwright, and not like a pipeline.config.",
        f"error: {files[1]} looks like a label map, which belongs to `dataset.label_map`, and not like a "
        "pipeline.config.",
    ]
    assert "File name too long" in told[3] and len(told) == 5


@pytest.mark.parametrize("arguments", [["report"], ["doctor"], ["run", "-n"], ["run"]])
def test_a_configuration_without_its_option(arguments, write, capsys):
    path = write("my data.yaml", "dataset: {}")
    with pytest.raises(SystemExit) as end:
        main([arguments[0], path, *arguments[1:]])
    assert end.value.code == 2
    assert f"{path} is a configuration: give it with --configfile '{path}'" in capsys.readouterr().err


def test_a_yaml_file_that_an_option_of_snakemake_takes(write, monkeypatch):
    path = write("values.yaml", "{}")
    monkeypatch.setattr("boxwright.run.launch.run", lambda config, cores, options: options != ["-e", path])
    assert main(["run", "-e", path]) == 0


def test_values_of_a_run_on_the_command_line_are_no_file(write, monkeypatch):
    path = write("my.yaml", "{}")
    expected = (path, ["--config", "results=there"])
    monkeypatch.setattr("boxwright.run.launch.run", lambda config, cores, options: (config, options) != expected)
    assert main(["run", "--config", "results=there", "--configfile", path]) == 0


def test_a_reader_that_has_seen_enough(write):
    path = write("a.config", CLEAN.replace("batch_size: 8", "batch_size: 512"))
    command = [sys.executable, "-m", "boxwright.cli", "lint", *[path] * 2000]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        run.stdout.readline()
        run.stdout.close()
        assert run.stderr.read() == b""


def test_words_of_a_file_do_not_control_the_terminal(write, capsys):
    named = CLEAN.replace("ssd_mobilenet_v1", "\\033]0;renamed\\007")
    assert main(["lint", write("a.config", named)]) == 1
    said = capsys.readouterr().out
    assert "\\x1b]0;renamed\\x07" in said and "\x1b" not in said


def test_annotations_are_converted(tmp_path, capsys):
    data = DataSet(tmp_path / "data")
    data.fill(3)
    command = ["convert", str(data.folder), str(tmp_path / "out"), "--to", "coco"]
    assert main(command) == 0
    assert f"3 images with 3 boxes are in {tmp_path / 'out'} as COCO." in capsys.readouterr().out
    assert main(command) == 1
    told = capsys.readouterr()
    assert "out exists and is no empty folder" in told.err and not told.out
    assert main(["convert", str(tmp_path / "nowhere"), str(tmp_path / "other"), "--to", "csv"]) == 1
    assert "nowhere does not exist" in capsys.readouterr().err


def test_a_configuration_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(fetch, "unreachable", lambda entry: "there is no network")
    data = DataSet(tmp_path / "data")
    data.fill(6)
    command = ["init", str(data.folder), "--out", str(tmp_path / "my.yaml")]
    assert main(command) == 0
    assert "my.yaml is written" in capsys.readouterr().out
    assert main(command) == 1
    assert "my.yaml is there already" in capsys.readouterr().err
    assert main([*command[:3], str(tmp_path)]) == 1
    assert f"{tmp_path} is a folder. Name the file to write" in capsys.readouterr().err
    assert main([*command[:3], str(tmp_path / "my.yaml/x.yaml")]) == 1
    assert "my.yaml is a file" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told(tmp_path, capsys, monkeypatch):
    """Whatever it is: a disk that is gone, a name that is too long."""
    data = DataSet(tmp_path / "data")
    data.fill(1)

    def refuse(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO), "out/annotations.json")

    monkeypatch.setattr("boxwright.dataset.writers.coco.write", refuse)
    assert main(["convert", str(data.folder), str(tmp_path / "out"), "--to", "coco"]) == 1
    assert capsys.readouterr().err == f"out/annotations.json: {os.strerror(errno.EIO)}.\n"
