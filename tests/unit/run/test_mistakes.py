"""The mistakes that people make, and the words that they must be told, before the first job and without a traceback."""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import shutil
import struct
from pathlib import Path

import pytest
import yaml
from tests.factories import DataSet, photo

from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box
from boxwright.run import config_file, preflight
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan
from boxwright.zoo import catalogue, table

ROOT = Path(__file__).resolve().parents[3]
DEMO = ROOT / "config/pipelines/demo_ssd.config"
CAT, DOG = Box("cat", 8, 6, 60, 50), Box("dog", 1, 1, 50, 60)


class Folder:
    """A working folder with a sound configuration, to make one mistake in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = DataSet(path / "data")
        for number in range(10):
            name = f"p{number}.jpg"
            self.data.sample(name, CAT, DOG, data=photo(number, 96, 96), size=(96, 96))
        shutil.copy(DEMO, path / "pipeline.config")
        size = "model.ssd.image_resizer.fixed_shape_resizer"
        self.model = {
            "pipeline": "pipeline.config",
            "num_steps": 300,
            "checkpoint_every": 100,
            "overrides": {f"{size}.height": 96, f"{size}.width": 96},
        }
        self.config = {
            "dataset": {"images": "data/images", "annotations": "data/annotations"},
            "models": {"m": self.model},
        }
        self.text: str | None = None

    def __truediv__(self, name: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def told(self, capsys) -> str:
        """All that is said before the first job, on one line."""
        (self / "my.yaml").write_text(yaml.safe_dump(self.config) if self.text is None else self.text)
        capsys.readouterr()
        error = ""
        try:
            plan = RunPlan(config_file.read("my.yaml"), plan_data=True)
            preflight.check(plan, Identities(plan))
        except UserError as told:
            error = str(told)
        return " ".join(f"{capsys.readouterr().err} {error}".split())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)


# Ways to make a mistake


def given(**keys):
    """Keys of my.yaml, by dotted path with _ for a dot; `m` stands for models.m."""

    def make(folder: Folder) -> None:
        for path, value in keys.items():
            node = folder.config
            *above, last = (
                path.replace("m__", "models__m__", 1).split("__") if path.startswith("m__") else path.split("__")
            )
            for key in above:
                node = node.setdefault(key, {})
            node[last] = value

    return make


def written(text):
    def make(folder: Folder) -> None:
        folder.text = text

    return make


def both(*mistakes):
    def make(folder: Folder) -> None:
        for one in mistakes:
            one(folder)

    return make


def annotations_of(**files):
    """Other annotations instead of the XML files: contents by name, with __ for a dot."""

    def make(folder: Folder) -> None:
        shutil.rmtree(folder.data.annotations)
        for name, text in files.items():
            (folder / f"data/annotations/{name.replace('__', '.')}").write_text(text)

    return make


def of_other_images(folder: Folder) -> None:
    for path in list(folder.data.annotations.iterdir()):
        text = path.read_text().replace(path.stem, f"q{path.stem}")
        path.unlink()
        path.with_stem(f"q{path.stem}").write_text(text)


def start(name: str, data: bytes = b"", **others):
    """A start checkpoint that is a file with these bytes."""

    def make(folder: Folder) -> None:
        (folder / name).write_bytes(data)
        folder.model["checkpoint"] = name
        folder.model |= others

    return make


def checkpoint(prefix: str, names, given_as: str | None = None, **others):
    """A start checkpoint with tensors of these shapes."""

    def make(folder: Folder) -> None:
        import numpy as np

        from boxwright.checkpoints import checkpoint_files

        (folder / prefix)
        shapes = names() if callable(names) else names
        checkpoint_files.write(folder / prefix, {name: np.zeros(shape, np.float32) for name, shape in shapes.items()})
        folder.model["checkpoint"] = given_as or prefix
        folder.model |= others

    return make


SSD_V1 = {"FeatureExtractor/MobilenetV1/Conv2d_0/weights": (3, 3, 3, 32)}


def narrow():
    """The variables of the demo's network with three quarters of its width."""
    from boxwright.detector import build, listing
    from boxwright.pipeline import text

    config = text.read(DEMO)
    config.model.ssd.feature_extractor.depth_multiplier *= 0.75
    return listing.variables(build.build(config.model))["shapes"]


def whole():
    """The variables of the demo's network."""
    from boxwright.detector import build, listing
    from boxwright.pipeline import text

    return listing.variables(build.build(text.read(DEMO).model))["shapes"]


def odd_names(folder: Folder) -> None:
    """Folders with spaces, umlauts and brackets; XML with paths of Windows; files that end in .JPG."""
    place = folder.path / "Bilder (neu) [1] äöü"
    folder.data.folder.rename(place)
    for path in (place / "images").iterdir():
        path.rename(path.with_suffix(".JPG"))
    for path in (place / "annotations").iterdir():
        stated = f"<path>C:\\\\Users\\\\me\\\\{path.stem}.jpg</path><size>"
        path.write_text(path.read_text().replace("<size>", stated, 1))
    folder.config["dataset"] |= {side: f"{place.name}/{side}" for side in ("images", "annotations")}


def pipeline(change):
    """A pipeline.config with other text."""

    def make(folder: Folder) -> None:
        (folder / "pipeline.config").write_text(change((folder / "pipeline.config").read_text()))

    return make


def of_template(text):
    """The template of a fine-tuned detector, for images of 96x96."""
    return (ROOT / "config/pipelines/ssd_mobilenet_v1.config").read_text()


def classes(**boxes):
    """More boxes of further classes: the number by name."""

    def make(folder: Folder) -> None:
        number = 0
        for name, count in boxes.items():
            for _ in range(count):
                folder.data.sample(
                    f"n{number}.jpg", Box(name, 8, 6, 60, 50), data=photo(100 + number, 96, 96), size=(96, 96)
                )
                number += 1

    return make


def files(**contents):
    def make(folder: Folder) -> None:
        for name, data in contents.items():
            (folder / name.replace("__", ".")).write_bytes(data)

    return make


def keep_images(*names):
    """Only these images are left, whatever they are."""

    def make(folder: Folder) -> None:
        for path in list(folder.data.images.iterdir()):
            if path.name not in names:
                path.unlink()

    return make


def only_zip(folder: Folder) -> None:
    keep_images()(folder)
    (folder / "data/images/pictures.ZIP").write_bytes(b"PK\x03\x04")


def heic(folder: Folder) -> None:
    keep_images("p0.jpg")(folder)
    (folder.data.images / "p0.jpg").unlink()
    (folder.data.images / "p0.HEIC").write_bytes(struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic")


def lists(train: str, held_out: str):
    def make(folder: Folder) -> None:
        (folder / "train.txt").write_text(train)
        (folder / "eval.txt").write_text(held_out)
        folder.config["dataset"]["split"] = {"train": "train.txt", "eval": "eval.txt"}

    return make


NAMES = [f"p{number}.jpg" for number in range(10)]
UNTRAINABLE = next(name for name in catalogue.names() if table.lacks(catalogue.find(name)))
LABEL_MAP = 'item { id: 1 name: "cat" }\n'

# The number in the list of mistakes, the mistake, and what must be said; "!" marks what must not.
ROWS = [
    (
        "1 unknown keys",
        given(m__num_step=5, dataset__image="x", colour="red"),
        ["`models.m.num_step`", "did you mean `num_steps`?", "`dataset.image`", "did you mean `images`?", "`colour`"],
    ),
    (
        "2 exports",
        given(exports={}, m__early_stopping={"patiens": 2}),
        ["did you mean `export`?", "did you mean `patience`?"],
    ),
    ("3 no folder", given(dataset__images="fotos"), ["`dataset.images` names fotos, but there is no such folder"]),
    ("3 home", given(dataset__images="~/images"), [f"`dataset.images` names {Path('~').expanduser()}/images, but"]),
    (
        "3 Windows",
        given(dataset__images="C:\\Users\\me"),
        ["`dataset.images` names C:\\Users\\me, but there is no such"],
    ),
    (
        "6 file",
        both(files(images__txt=b"a.jpg"), given(dataset__images="images.txt")),
        ["`dataset.images` names images.txt, which is a file and not a folder"],
    ),
    (
        "7 no XML",
        given(dataset__annotations="data/images"),
        ["There is no annotation in data/images: no file there is in a format that is read"],
    ),
    ("8 other images", of_other_images, ["p0.jpg", "qp0.xml", "checks.tsv"]),
    (
        "9 another extractor",
        checkpoint("v2/model.ckpt", {"FeatureExtractor/MobilenetV2/Conv/weights": (3, 3, 3, 32)}),
        ["ssd_mobilenet_v1", "it has those of ssd_mobilenet_v2"],
    ),
    (
        "10 width",
        checkpoint("narrow/model.ckpt", narrow),
        ["It is of a network of width 0.1875", "{model.ssd.feature_extractor.depth_multiplier: 0.1875}"],
    ),
    (
        "11 SavedModel with a checkpoint's variables",
        both(
            checkpoint("saved/variables/variables", SSD_V1, given_as="saved"),
            lambda folder: (folder / "saved/saved_model.pb").write_bytes(b"\x08\x01"),
        ),
        ["SavedModel", "give saved/variables/variables"],
    ),
    (
        "12 saved_model.pb",
        start("exported/saved_model.pb", b"\x08\x01"),
        ["SavedModel", "there is none beside exported"],
    ),
    (
        "13 Keras",
        start("model.h5", b"\x89HDF\r\n\x1a\n"),
        ["`models.m.checkpoint` names model.h5: it is Keras's", "!damaged"],
    ),
    (
        "13 PyTorch",
        start("yolo.pt", b"PK\x03\x04"),
        ["`models.m.checkpoint` names yolo.pt: it is a PyTorch", "!damaged"],
    ),
    (
        "14 data file",
        checkpoint("ok/model.ckpt-5", whole, given_as="ok/model.ckpt-5.data-00000-of-00001"),
        ["!mistake", "!does not fit", "!there is no"],
    ),
    (
        "15 no such step",
        checkpoint("old/model.ckpt-500", SSD_V1, given_as="old/model.ckpt-1000"),
        ["`models.m.checkpoint` names old/model.ckpt-1000", "in old are model.ckpt-500"],
    ),
    (
        "16 values",
        given(
            m__num_steps="300 steps",
            m__batch_size=-1,
            m__seed=[0, 0],
            m__early_stopping=True,
            dataset__split={"eval_fraction": 20},
            predict={"score_threshold": 50},
        ),
        [
            '`models.m.num_steps` is "300 steps"',
            "`models.m.batch_size` is -1",
            "`models.m.seed` is [0, 0]",
            "`models.m.early_stopping` is true",
            "`dataset.split.eval_fraction` is 20",
            "`predict.score_threshold` is 50",
        ],
    ),
    ("16 zero", given(m__num_steps=0, dataset__split={"eval_fraction": 0}), ["num_steps` is 0", "eval_fraction` is 0"]),
    (
        "17 pipeline is a folder",
        both(files(more__config=b""), given(m__pipeline=".")),
        ["`models.m.pipeline` names ., which is a folder and not a file", "more.config", "pipeline.config"],
    ),
    (
        "a device as label map",
        given(dataset__label_map="/dev/null"),
        ["`dataset.label_map` names /dev/null, which is a device"],
    ),
    (
        "18 label map as pipeline",
        both(files(classes__pbtxt=LABEL_MAP.encode()), given(m__pipeline="classes.pbtxt")),
        ["classes.pbtxt", "looks like a label map"],
    ),
    (
        "18 YAML as pipeline",
        both(files(other__yaml=b"dataset:\n  images: x\n"), given(m__pipeline="other.yaml")),
        ["other.yaml", "looks like YAML"],
    ),
    ("19 typo", pipeline(lambda text: text.replace("num_classes", "num_clases")), ["pipeline.config:", "num_classes"]),
    (
        "19 brace",
        pipeline(lambda text: text.rstrip().rstrip("}")),
        ["pipeline.config:", "the text ends within the block", "opens"],
    ),
    (
        "20 short override",
        given(m__overrides={"learning_rate": 0.001}),
        ["did you mean `train_config.optimizer.", ".cosine_decay_learning_rate.learning_rate_base`?"],
    ),
    (
        "21 rate 5",
        given(
            m__overrides={
                "train_config.optimizer": {
                    "momentum_optimizer": {"learning_rate": {"constant_learning_rate": {"learning_rate": 5.0}}}
                }
            }
        ),
        ["diverge", "5"],
    ),
    (
        "22 id 0",
        both(files(map__pbtxt=b'item { id: 0 name: "cat" }'), given(dataset__label_map="map.pbtxt")),
        ["map.pbtxt", "id", "0"],
    ),
    (
        "22 class not in the label map",
        both(files(map__pbtxt=LABEL_MAP.encode()), given(dataset__label_map="map.pbtxt")),
        ["p0.xml, p1.xml, p2.xml and 7 more, dog: class_unknown, the label map has cat (10 times)"],
    ),
    ("23 zip", only_zip, ["Unpack data/images/pictures.ZIP"]),
    ("24 heic", heic, ["HEIC", "p0.HEIC", "onvert"]),
    ("25 odd names", odd_names, ["!mistake", "!No sample"]),
    (
        "26 model's name",
        lambda folder: folder.config.update(models={"my cells": folder.model}),
        ['"my cells"', "letters", "for example my-cells"],
    ),
    ("27 case", classes(RBC=30, rbc=1), ["rbc", "RBC"]),
    ("27 letters", classes(Platelets=30, Platelet=1), ["Platelet"]),
    (
        "28 overlapping lists",
        lists("\n".join(NAMES[:8]), "\n".join(NAMES[7:])),
        ["eval.txt, line 1: p7.jpg is on both lists"],
    ),
    ("28 missing file", lists("\n".join([*NAMES[:8], "gone.jpg"]), "\n".join(NAMES[8:])), ["gone.jpg", "line 9"]),
    (
        "29 two kinds",
        given(predict={"images": "wrong", "score_threshold": 50}),
        ["`predict.images` names wrong", "`predict.score_threshold` is 50"],
    ),
    (
        "30 policy",
        given(dataset__policies={"box_outsid": "drop", "class_missing": "keep"}),
        [
            "did you mean `box_outside`?",
            "fix | drop_box | drop_image | fail",
            "`dataset.policies.class_missing` is keep",
        ],
    ),
    ("31 metric", given(export={"metric": "mAP"}), ["`export.metric` is mAP", "DetectionBoxes_Precision/mAP"]),
    ("31 step", given(export={"checkpoint": 250}), ["`export.checkpoint` is 250", "100, 200, 300"]),
    ("32 tab", written("dataset:\n\timages: x\n"), ["my.yaml", "line 2", "tab"]),
    (
        "32 no space",
        written("models:\n  m:\n    num_steps:300\n    pipeline: x\n"),
        ["my.yaml: line 3: `num_steps:300` has no space", "write `num_steps: 300`"],
    ),
    (
        "32 no space alone",
        written("models:\n  m:\n    num_steps:300\n"),
        ["my.yaml: line 3: `num_steps:300` has no space", "write `num_steps: 300`"],
    ),
    ("32 empty", written(""), ["my.yaml", "empty"]),
    ("43 from scratch", pipeline(of_template), ["models.m has no `checkpoint`: this trains from scratch"]),
    ("44 one image", keep_images("p0.jpg"), ["1 image"]),
    ("44 no models", lambda folder: folder.config.pop("models"), ["`models` is missing"]),
    ("44 text", given(dataset="text"), ['`dataset` is "text"']),
    (
        "4 YOLO",
        annotations_of(p0__txt="0 0.5 0.5 0.2 0.2", p1__txt="0 0.5 0.5 0.2 0.2", classes__txt="cat\ndog"),
        ["!mistake", "yolo"],
    ),
    (
        "5 COCO",
        annotations_of(
            labels__json=json.dumps(
                {
                    "images": [{"id": n, "file_name": f"p{n}.jpg", "width": 96, "height": 96} for n in range(10)],
                    "categories": [{"id": 1, "name": "cat"}],
                    "annotations": [
                        {"id": n, "image_id": n, "category_id": 1, "bbox": [8, 6, 50, 50]} for n in range(10)
                    ],
                }
            )
        ),
        ["!mistake", "coco"],
    ),
    (
        "45 zoo name",
        given(m__checkpoint="zoo:ssd_mobilenet_v1_coco"),
        ["the nearest names are", "ssd_mobilenet_v1_coco_2018_01_28"],
    ),
    (
        "46 zoo model that cannot be trained",
        lambda folder: folder.config.update(
            models={"m": {"checkpoint": f"zoo:{UNTRAINABLE}", "num_steps": 5, "checkpoint_every": 5}}
        ),
        [f"`models.m.checkpoint` is zoo:{UNTRAINABLE}, which cannot be trained here: the engine does not have "],
    ),
]


@pytest.mark.parametrize(("mistake", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_mistake(folder, mistake, words, capsys):
    mistake(folder)
    text = folder.told(capsys)
    for word in words:
        found = word.removeprefix("!").lower() in text.lower()
        assert found != word.startswith("!"), (word, text)
    assert "Traceback" not in text


def test_without_a_mistake_nothing_is_refused(folder, capsys):
    plan = folder.told(capsys)
    assert "cannot be" not in plan and "mistake" not in plan
