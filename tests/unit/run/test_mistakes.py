"""The mistakes that people make, and the words that they must be told, before the first job and without a traceback."""

import datetime
import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.factories import DataSet, photo

from boxwright import cli, devices
from boxwright.core.errors import UserError
from boxwright.dataset.samples import Box
from boxwright.run import config_file, doctor, places, preflight, refusal, settings
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan
from boxwright.zoo import catalogue, download, table

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
            plan = RunPlan(config_file.read("my.yaml"), ["my.yaml"], plan_data=True)
            preflight.check(plan, Identities(plan))
        except UserError as told:
            error = refusal.told(told)
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


def frozen(folder: Folder) -> None:
    """A sound frozen graph as start checkpoint."""
    import numpy as np
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        tf.constant(np.zeros((3, 3, 3, 8), np.float32), name="FeatureExtractor/MobilenetV1/Conv2d_0/weights")
    start("frozen_inference_graph.pb", graph.as_graph_def().SerializeToString())(folder)


def in_the_v1_format(folder: Folder) -> None:
    """A sound checkpoint in TensorFlow's V1 format, whose one file has no ending."""
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("FeatureExtractor/MobilenetV1/Conv2d_0/weights", (3, 3, 3, 8))
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(write_version=tf.compat.v1.train.SaverDef.V1)
        saver.save(session, str(folder.path / "model.ckpt"), write_meta_graph=False)
    folder.model["checkpoint"] = "model.ckpt"


NARROW = checkpoint("narrow/model.ckpt", narrow)


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


def of_template(name: str):
    """The template of a fine-tuned detector."""
    return lambda text: (ROOT / f"config/pipelines/{name}.config").read_text()


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


def without_boxes(folder: Folder) -> None:
    for path in folder.data.annotations.iterdir():
        head, *_, tail = path.read_text().replace("</object>", "<object>").split("<object>")
        path.write_text(head + tail)


def lists(train: str, held_out: str):
    def make(folder: Folder) -> None:
        (folder / "train.txt").write_text(train)
        (folder / "eval.txt").write_text(held_out)
        folder.config["dataset"]["split"] = {"train": "train.txt", "eval": "eval.txt"}

    return make


def other_model(name: str, **others):
    def make(folder: Folder) -> None:
        folder.config["models"][name] = folder.model | others

    return make


NAMES = [f"p{number}.jpg" for number in range(10)]
UNTRAINABLE = next(name for name in catalogue.names() if table.lacks(catalogue.find(name)))
UNKNOWN_SUM = next(
    name for name in catalogue.names() if not table.lacks(catalogue.find(name)) and not catalogue.find(name).sha256
)
TRAINABLE = "ssd_mobilenet_v1_coco_2018_01_28"
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
    (
        "1 fields of pipeline.config",
        given(m__learning_rate=0.01, m__num_classes=3, m__fine_tune_checkpoint="x", m__depth_multiplier=0.5),
        [
            "`models.m.learning_rate` is not a key of boxwright; it is a field of pipeline.config: write `overrides: "
            "{train_config.optimizer.adam_optimizer.learning_rate.cosine_decay_learning_rate.learning_rate_base: "
            "0.01}`.",
            "`models.m.num_classes` is not a key of boxwright; leave it out: the run counts the classes of the data.",
            "that the run decides: set `models.m.checkpoint`.",
            "write `overrides: {model.ssd.feature_extractor.depth_multiplier: 0.5}`.",
            "!rescale_learning_rate",
        ],
    ),
    (
        "1 blocks of pipeline.config",
        given(m__optimizer="adam", m__image_resizer=640, m__loss="focal", m__batch_norm={}),
        [
            "`models.m.optimizer` is not a key of boxwright; it is a block of pipeline.config: set the fields in it by "
            "their paths in `overrides`, such as `train_config.optimizer.adam_optimizer.learning_rate."
            "cosine_decay_learning_rate.learning_rate_base`.",
            "by their paths in `overrides`, such as `model.ssd.image_resizer.fixed_shape_resizer.height`.",
            "`models.m.loss` is not a key of boxwright; it is a block of pipeline.config: set the fields in it",
            "!overrides: {",
        ],
    ),
    (
        "1 keys of other programs",
        given(m__epochs=50, m__lr=0.001, m__imgsz=640, m__weights="x.pt", m__device="cuda", m__batch=8),
        [
            "has 6 mistakes",
            "`models.m.epochs` is not a key of boxwright; set `num_steps`: an epoch is as many steps as there are "
            "training images, divided by `batch_size`.",
            "`models.m.lr` is not a key of boxwright; it is a field of pipeline.config: write `overrides: {",
            "learning_rate_base: 0.001}`.",
            "`models.m.imgsz` is not a key of boxwright; it is a block of pipeline.config: set the fields in it",
            "such as `model.ssd.image_resizer.fixed_shape_resizer.height`.",
            "`models.m.weights` is not a key of boxwright; did you mean `checkpoint`?",
            "`models.m.device` is not a key of boxwright; did you mean `gpus`?",
            "`models.m.batch` is not a key of boxwright; did you mean `batch_size`?",
        ],
    ),
    (
        "1 epochs in place of steps",
        both(lambda folder: folder.model.pop("num_steps"), given(m__epochs=50)),
        ["has 1 mistake: - my.yaml: line 7: `models.m.epochs`", "set `num_steps`"],
    ),
    (
        "1 classes and sides as other programs have them",
        given(dataset__nc=2, dataset__names=["cat", "dog"], dataset__train="data/images"),
        [
            "`dataset.nc` is not a key of boxwright; leave it out: the classes are those of the annotations.",
            "`dataset.names` is not a key of boxwright; leave it out",
            "`dataset.train` is not a key of boxwright; `split` says which images are on which side",
        ],
    ),
    ("1 list of classes", given(dataset__classes=["cat"]), ["Leave it out: the classes are those of the annotations."]),
    (
        "1 shares as sides",
        given(dataset__split={"train": 0.8, "val": 0.2}),
        [
            "has 2 mistakes",
            "`dataset.split.val` is not a key of boxwright; did you mean `eval_fraction: 0.2`?",
            "`dataset.split.train` is 0.8, but must be a text that is not empty or null",
            "For a share write `eval_fraction: 0.2`: 20 % of the images measure, and the others train.",
        ],
    ),
    (
        "1 single values for blocks",
        given(export="tflite", predict="data/images", m__early_stopping=3),
        [
            "Write `{forms: [tflite]}`.",
            "Write `{images: data/images}`.",
            "Write `{patience: 3}`.",
        ],
    ),
    ("1 format of the export", given(export={"format": ["onnx"]}), ["did you mean `forms`?", "!dataset"]),
    (
        "1 nothing is indented",
        written(
            "dataset:\nimages: data/images\nannotations: data/annotations\nmodels:\nm: {pipeline: pipeline.config, "
            "num_steps: 300, checkpoint_every: 100}\n"
        ),
        [
            "has 2 mistakes: - my.yaml: line 2: `dataset` is empty, and `images` and `annotations` lie beside it: "
            "indent them by two",
            "- my.yaml: line 5: `models` is empty, and `m` lies beside it: indent it by two spaces.",
        ],
    ),
    (
        "1 equals signs",
        written("dataset:\n  images = data\nmodels: {m: {overrides: a=2}}\n"),
        ['`dataset` is "images = data", but', "Between a key and its value stands a colon with a space behind it"],
    ),
    (
        "1 precision",
        given(m__precision="fp16", m__inference_precision="bf16"),
        ["Did you mean `float16`?", "Did you mean `bfloat16`?"],
    ),
    (
        "1 data set among the models",
        lambda folder: folder.config["models"].update(dataset=folder.config.pop("dataset")),
        [
            "has 1 mistake: - my.yaml: line 2: `dataset` lies below `models`, but is a key beside it: let it start in "
            "the same column."
        ],
    ),
    (
        "1 key with a single value among the models",
        lambda folder: folder.config["models"].update(zoo_trust=True),
        [
            "has 1 mistake: - my.yaml: line 12: `zoo_trust` lies below `models`, but is a key beside it: let it start "
            "in the same column."
        ],
    ),
    (
        "3 no folder",
        given(dataset__images="fotos"),
        ["my.yaml: line 3: `dataset.images` names fotos, but there is no such folder"],
    ),
    (
        "3 a folder of several",
        given(predict__images=["images", "fotos"]),
        ["my.yaml: line 15: `predict.images` names fotos, but there is no such folder"],
    ),
    (
        "3 a word and not the block that it could be in",
        given(dataset__split={"eval_fraction": 0.2, "group_by": "folders"}),
        ['`dataset.split.group_by` is "folders"', "Did you mean `folder`?", "!Write `{name"],
    ),
    (
        "3 files of a folder",
        given(dataset__images="data/images/*.jpg"),
        ["name the folder, in which all files are found: data/images."],
    ),
    (
        "3 two folders in one text",
        given(dataset__images="data/images, data/annotations"),
        ["several go into a list: `[data/images, data/annotations]`."],
    ),
    (
        "3 folders that are swapped",
        given(dataset__images="data/annotations", dataset__annotations="data/images"),
        ["There are images in data/images, where annotations are looked for: are the two swapped?"],
    ),
    (
        "3 name of a template",
        given(m__pipeline="ssd_mobilenet_v2"),
        ["there is no such file", "did you mean ", "config/pipelines/ssd_mobilenet_v2.config?"],
    ),
    ("3 misspelt folder", given(dataset__images="data/imges"), ["no such folder", "did you mean data/images?"]),
    ("3 format", given(dataset__format="pascal_voc"), ['`dataset.format` is "pascal_voc"; did you mean `voc`?']),
    *(
        (f"3 format {word}", given(dataset__format=word), [f'`dataset.format` is "{word}"; did you mean `{key}`?'])
        for word, key in {
            "pascal": "voc",
            "Pascal VOC": "voc",
            "yolov8": "yolo",
            "YOLOv5-PyTorch": "yolo",
            "ultralytics": "yolo",
            "darknet": "yolo",
            "mscoco": "coco",
            "coco-json": "coco",
            "TFRecords": "tfrecord",
            "labelstudio": "label_studio",
            "sagemaker": "ground_truth",
        }.items()
    ),
    *(
        (f"3 format {word}", given(dataset__format=word), [f'`dataset.format` is "{word}"; that may be {keys}'])
        for word, keys in {
            "xml": "`voc`, `dlib` or `cvat`; `auto` finds out which.",
            "labelImg": "`voc`, `createml` or `yolo`; `auto` finds out which.",
            "json": "`labelme`, ",
        }.items()
    ),
    ("3 no format", given(dataset__format="sequential"), ["known are auto, voc", "!did you mean"]),
    ("3 home", given(dataset__images="~/images"), [f"`dataset.images` names {Path('~').expanduser()}/images, but"]),
    (
        "3 nothing alike",
        both(files(__npm=b""), given(dataset__images="nope", m__pipeline="nope")),
        ["`dataset.images` names nope, but", "`models.m.pipeline` names nope, but", "!did you mean"],
    ),
    ("3 home of another", given(dataset__images="~root/images"), ["`dataset.images` names /", "!names ~root"]),
    (
        "3 nobody's home",
        given(results="~no-such-user/x"),
        ["`results` is ~no-such-user/x, but there is no user no-such-user here", "or ./~no-such-user/x for a folder"],
    ),
    (
        "3 home of Windows",
        given(dataset__images="~\\images"),
        ["names ~\\images, but there is no such folder; paths have / here, and not \\: write ~/images."],
    ),
    (
        "3 Windows",
        given(dataset__images="C:\\Users\\me", m__pipeline="D:/my.config", m__checkpoint="C:\\model.ckpt"),
        [
            "`dataset.images` names C:\\Users\\me, but there is no such folder; it is a path of Windows, and this ",
            "system has no drives: copy the files here, and write their path with /.",
            "`models.m.pipeline` names D:/my.config, but there is no such file; it is a path of Windows",
            "(C:\\model.ckpt.index); it is a path of Windows",
        ],
    ),
    (
        "3 backslashes",
        given(dataset__images="data\\images"),
        ["names data\\images, but there is no such folder; paths have / here, and not \\: write data/images."],
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
        "9 a whole detector with another extractor",
        both(checkpoint("v1/model.ckpt", whole), pipeline(of_template("ssd_mobilenet_v2"))),
        ["it has no weights of ssd_mobilenet_v2 ", "nothing of its backbone", "it has those of ssd_mobilenet_v1"],
    ),
    (
        "10 width",
        checkpoint("narrow/model.ckpt", narrow),
        ["It is of a network of width 0.1875", "{model.ssd.feature_extractor.depth_multiplier: 0.1875}"],
    ),
    (
        "10 width, with an override that is misspelt",
        both(NARROW, given(m__overrides={"model.ssd.feature_extractor.depth_multiplyer": 0.1875})),
        ["has no field `depth_multiplyer`; nearest known: depth_multiplier", "!does not fit", "!of width"],
    ),
    (
        "10 width, set in another place",
        both(NARROW, given(m__depth_multiplier=0.1875)),
        ["write `overrides: {model.ssd.feature_extractor.depth_multiplier: 0.1875}`.", "!does not fit", "!of width"],
    ),
    (
        "9 another extractor, with an override that is misspelt",
        both(
            checkpoint("v2/model.ckpt", {"FeatureExtractor/MobilenetV2/Conv/weights": (3, 3, 3, 32)}),
            given(m__overrides={"model.ssd.feature_extractor.typ": "ssd_mobilenet_v2"}),
        ),
        ["has no field `typ`; nearest known: type", "!cannot be trained", "!it has those of"],
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
    ("13 frozen graph", frozen, ["!mistake", "!does not fit", "!no frozen graph"]),
    ("13 V1 format", in_the_v1_format, ["!mistake", "!does not fit", "!no checkpoint"]),
    ("13 empty graph", start("graph.pb"), ["names graph.pb: it is empty. Training starts from"]),
    ("13 image as graph", start("graph.pb", photo(1, 32, 32)), ["names graph.pb: it is an image (JPEG)"]),
    ("13 text as graph", start("graph.pb", b"node { }"), ["names graph.pb: it is a text file, not a checkpoint"]),
    ("13 other bytes as graph", start("graph.pb", b"\x80\x02\0"), ["names graph.pb: it is no frozen graph"]),
    ("13 program", start("graph.pb", b"\x08\x01\x12\0"), ["names graph.pb: it is the program of a SavedModel"]),
    ("13 PyTorch as .bin", start("model.bin", b"PK\x03\x04"), ["model.bin: it is a zip archive, as PyTorch"]),
    ("13 PyTorch as .ckpt", start("last.ckpt", b"PK\x03\x04"), ["last.ckpt: it is a zip archive, as PyTorch"]),
    ("13 PyTorch of old", start("last.ckpt", b"\x80\x02\0"), ["last.ckpt: it is no checkpoint, or one that is cut"]),
    (
        "13 pipeline.config",
        both(
            checkpoint("ok/model.ckpt-5", whole, given_as="ok/pipeline.config"),
            lambda folder: (folder / "ok/pipeline.config").write_bytes(b"model { ssd { num_classes: 90 } }"),
        ),
        ["`models.m.checkpoint` names ok/pipeline.config: it is a text file", "give the folder, ok."],
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
            "without repetition (0 is there more than once)",
            "`models.m.early_stopping` is true",
            "`dataset.split.eval_fraction` is 20",
            "`predict.score_threshold` is 50",
        ],
    ),
    (
        "16 numbers in other words",
        given(
            m__num_steps="300",
            m__checkpoint_every="1,000",
            m__save_every_s="1k",
            m__seed="0,1,2",
            m__batch_size=0.5,
            dataset__split={"eval_fraction": "20%", "test_fraction": "0,5"},
            predict={"score_threshold": 50},
        ),
        [
            "has 8 mistakes",
            "In quotes it is a text; write 300 without them.",
            "YAML reads 1,000 as a text; write 1000.",
            "YAML reads 1k as a text; write 1000.",
            "Write `[0, 1, 2]`.",
            "YAML reads 20% as a text; write 0.2.",
            "YAML reads 0,5 as a text; write 0.5.",
            "`predict.score_threshold` is 50, but must be a number from 0 to 1 (boxes below this score are not drawn). "
            "Write 0.5.",
        ],
    ),
    ("16 no checkpoint", given(m__checkpoint="none"), ["names none, but", "; for random weights leave the key out."]),
    (
        "16 number in quotes",
        given(m__num_steps="300"),
        ['`models.m.num_steps` is "300"', "In quotes it is a text; write 300 without them."],
    ),
    (
        "16 list of named models",
        lambda folder: folder.config.update(models=[{"name": "m", **folder.model}]),
        ["Write `m:` in place of `- name: m`, and its keys indented below it.", "!Leave out the -"],
    ),
    (
        "16 archive as checkpoint",
        given(m__checkpoint="http://a.org/ssd.tar.gz"),
        ["it is an archive: download it, unpack it and give the folder"],
    ),
    (
        "16 address of a checkpoint of the zoo",
        given(m__checkpoint=f"http://a.org/{TRAINABLE}.tar.gz"),
        [f"; for that of the zoo write `zoo:{TRAINABLE}`.", "!unpack"],
    ),
    (
        "16 list of models",
        lambda folder: folder.config.update(models=[folder.config["models"]]),
        ["`models` is [", "Leave out the - before each name."],
    ),
    (
        "41 results is a file",
        given(results="pipeline.config"),
        ["`results` is pipeline.config, which is no folder", "!stamp", "!split.tsv"],
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
        [
            "- my.yaml: line 9: override `learning_rate`: the configuration has no",
            "did you mean `train_config.optimizer.",
            ".cosine_decay_learning_rate.learning_rate_base`?",
        ],
    ),
    (
        "20 block that replaces the model",
        given(m__overrides={"model": {"ssd": {"feature_extractor": {"depth_multiplier": 0.5}}}}),
        [
            "models.m: override `model`: a block as value replaces all of it",
            "gone (`ssd.num_classes`, ",
            "write the whole path of each field instead: `model.ssd.feature_extractor.depth_multiplier`.",
        ],
    ),
    (
        "20 block that replaces a size",
        given(m__overrides={"model.ssd.image_resizer": {"fixed_shape_resizer": {"height": 96}}}),
        [
            "gone (`fixed_shape_resizer.width`)",
            "instead: `model.ssd.image_resizer.fixed_shape_resizer.height`.",
            "!cannot be trained",
        ],
    ),
    (
        "20 block with another part",
        given(
            m__overrides={
                "model.ssd.image_resizer": {"keep_aspect_ratio_resizer": {"min_dimension": 96, "max_dimension": 96}}
            }
        ),
        ["!a block as value"],
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
        [
            "p0.xml (box 2), p1.xml (box 2), p2.xml (box 2) and 7 more, dog: class_unknown, the label map has cat (10 "
            "times)"
        ],
    ),
    ("23 zip", only_zip, ["Unpack data/images/pictures.ZIP"]),
    ("24 heic", heic, ["HEIC", "p0.HEIC", "onvert"]),
    ("25 odd names", odd_names, ["!mistake", "!No sample"]),
    (
        "26 model's name",
        lambda folder: folder.config.update(models={"my cells": folder.model}),
        ['"my cells"', "letters", "for example my-cells"],
    ),
    (
        "26 names that differ in case",
        other_model("M"),
        ["`models` has m and M, which are one folder on Windows and macOS; rename one."],
    ),
    (
        "26 names of repetitions that differ in case",
        both(given(m__seed=[1, 2]), other_model("M-seed1", seed=0)),
        ["`models` has m-seed1 and M-seed1, which are one folder"],
    ),
    (
        "27 rename of no class",
        given(dataset__classes={"rename": {"CATS": "feline", "dgo": "dog", "Hund": "dog", "bird": "owl"}}),
        [
            "renames 'CATS', which no annotation has as a class; did you mean `cat`?",
            "renames 'dgo', which no annotation has as a class; there is only 'dog', so leave this out",
            "renames 'Hund', which no annotation has as a class; old names come before new ones: to make 'Hund' of "
            "'dog', write `{dog: Hund}`",
            "renames 'bird', which no annotation has as a class; known are cat, dog",
        ],
    ),
    ("27 case", classes(RBC=30, rbc=1), ["rbc", "RBC"]),
    ("27 swapped letters", classes(RBC=30, RCB=1), ["Classes that may be misspelt", "RCB", "RBC"]),
    ("27 letters", classes(Platelets=30, Platelet=1), ["Platelet"]),
    (
        "28 overlapping lists",
        lists("\n".join(NAMES[:8]), "\n".join(NAMES[7:])),
        ["eval.txt, line 1: p7.jpg is on both lists"],
    ),
    (
        "28 paths from the working folder",
        lists("\n".join(f"data/images/{name}" for name in NAMES[:8]), "\n".join(f"{name}" for name in NAMES[8:])),
        [
            "train.txt, line 1: data/images/p0.jpg, train.txt, line 2: data/images/p1.jpg, train.txt, line 3: "
            "data/images/p2.jpg and 5 more lines name no image of the data set; leave out data/images/, since paths "
            "begin in the images folder",
            "!line 4",
        ],
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
    ("30 no policy", given(dataset__policies={"default": "drop"}), ["policies", "default", "!did you mean"]),
    ("31 metric", given(export={"metric": "mAP"}), ["`export.metric` is mAP", "DetectionBoxes_Precision/mAP"]),
    *(
        (f"31 metric {word}", given(export={"metric": word}), [f"`export.metric` is {word}; did you mean {name}?"])
        for word, name in {
            "mAP50": "DetectionBoxes_Precision/mAP@.50IOU",
            "mAP@0.5": "DetectionBoxes_Precision/mAP@.50IOU",
            "mAP50-95": "DetectionBoxes_Precision/mAP",
            "recall": "DetectionBoxes_Recall/AR@100",
        }.items()
    ),
    ("31 step", given(export={"checkpoint": 250}), ["`export.checkpoint` is 250", "only at steps 100, 200 and 300"]),
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
    (
        "32 space of a web page",
        written("dataset:\n  images:\u00a0x\n\u00a0 annotations: y z\u00a0a\n"),
        ["line 2: there is a space of another kind", "line 3: there is a space of another kind", "!line 1: there"],
    ),
    (
        "32 printed quotes",
        written("dataset:\n  images: “x”\n  annotations: the “y”\n"),
        ['line 2: “ is no quotation mark to YAML, but a letter of the value; write " or none.', "!line 3: “"],
    ),
    (
        "32 points in thousands",
        written("models:\n  m: {num_steps: 1.000, checkpoint_every: 1.500}\npredict: {score_threshold: 0.500}\n"),
        ["`num_steps: 1.000` is 1 to YAML; write 1000", "`checkpoint_every: 1.500` is 1.5 to YAML", "!500` is 0.5"],
    ),
    ("32 empty", written(""), ["my.yaml", "empty"]),
    ("32 list", written("- a\n- b\n"), ["my.yaml: line 1: this is a list, but a configuration has keys"]),
    ("32 text", written("dataset and models\n"), ["line 1: this is a single value", "each with a colon behind it"]),
    ("32 apostrophe", written("dataset:\n  images: 'it's'\n"), ["quote the whole value", "doubled (line 2)"]),
    ("32 comma", written('dataset:\n  images: ["a" "b"]\n'), ["after a value in brackets comes a comma or ]"]),
    ("32 percent", written("dataset: {}\n% note\n"), ["!value cannot begin with *", "(line 2)"]),
    (
        "32 colon",
        written("dataset:\n  images: a: b\n"),
        ["a value with a colon in it needs quotes, and a line before may lack its colon (line 2)"],
    ),
    (
        "32 bracket",
        written("dataset:\n  images: [a\nmodels: 3\n"),
        ["my.yaml: cannot be read as YAML: the bracket [ is not closed (line 2)."],
    ),
    (
        "32 bracket far above",
        written("dataset:\n  split: {eval_fraction: 0.2\n\n# [\nmodels:\n  m:\n    num_steps: 3\n"),
        ["the bracket { is not closed (line 2)."],
    ),
    (
        "32 bracket within brackets",
        written("export: {forms: [onnx, tflite}\nmodels:\n  m: {}\n"),
        ["the bracket [ is not closed (line 1)."],
    ),
    ("32 bracket at the end", written("dataset: {}\nmodels: [\n"), ["the bracket [ is not closed (line 2)."]),
    ("32 too many brackets", written("dataset: {a: b}}\n"), ["a bracket closes that was not opened (line 1)."]),
    (
        "32 other mistake below a closed bracket",
        written("dataset: {a: ['it''s', \"[\"]}\n\tb: c\nmodels: [1\n"),
        ["a tab is not allowed there", "(line 2)", "!bracket"],
    ),
    (
        "32 quote that the next one closes",
        written('dataset:\n  images: "a\n  annotations: "b"\nmodels: 3\n'),
        ["a quotation mark is not closed (line 2)."],
    ),
    (
        "32 quote far above",
        written("dataset:\n  images: 'a\n  annotations: b\n  format: coco\n  label_map: 'c'\n"),
        ["a quotation mark is not closed (line 2)."],
    ),
    ("32 quote in a bracket", written("a: ['x, y]\nb: 1\n"), ["a quotation mark is not closed (line 1)."]),
    ("32 quote", written('dataset:\n  images: "a\nmodels:\n'), ["a quotation mark is not closed (line 2)"]),
    ("32 sign", written("dataset: {images: @foo}\n"), ["a value cannot begin with @; quote it (line 1)"]),
    ("32 star", written("dataset:\n  images: *.jpg\n"), ["a value cannot begin with * or &; quote it (line 2)"]),
    ("32 alias", written("models: {a: *b}\n"), ["line 1: *b stands for a value", "none above has it", "!holds itself"]),
    ("32 itself", written("models: &b {a: *b}\n"), ["line 1: `models` holds itself, by the alias *b"]),
    ("32 documents", written("models: 1\n---\ndataset: 2\n"), ["line 2: with --- another configuration begins"]),
    (
        "32 backslash",
        written('dataset:\n  images: "C:\\Users\\me"\n'),
        ["in double quotes \\ begins an escape; write single quotes around a path with \\, or / in it (line 2)"],
    ),
    (
        "32 other backslash",
        written('dataset:\n  images: "D:\\me"\n'),
        ["in double quotes \\ begins an escape", "(line 2)"],
    ),
    (
        "32 octal",
        written("models:\n  m:\n    num_steps: 020\n    seed: [00, 7]\n    pipeline: '010'\n"),
        ["line 3: `num_steps: 020` is 16 to YAML, because of the 0 before it; write 20", "!`00`", "!`pipeline"],
    ),
    (
        "32 zeros",
        written("models:\n  m:\n    num_steps: -020\n    seed: [07, 0_7]\n    batch_size: -007\n"),
        ["`num_steps: -020` is -16 to YAML, because of the 0 before it; write -20, or", "!`07`", "!`0_7`", "!-007"],
    ),
    (
        "32 thousands",
        written("models:\n  m: {num_steps: 1,000}\n"),
        ["my.yaml: line 2: a comma before 000 ends the value; write numbers without commas.", "!0 is 0"],
    ),
    (
        "32 keys of three digits",
        written("dataset: {classes: {rename: {100: cat,200: dog}}}\nmodels: {m: {}}\n"),
        ["!a comma before", "`models.m"],
    ),
    ("32 no name", written("models:\n  ~: {}\n"), ["`models` has a key that YAML reads as None", "!`models` is {}"]),
    ("32 minutes", written("models:\n  m: {overrides: {a: 1:30}}\n"), ["`a: 1:30` is 90 to YAML, as minutes are"]),
    ("32 columns", written("dataset:\n  images: x\n split: y\n"), ["begins in another column", "(line 3)"]),
    (
        "32 no colon",
        written("dataset:\n  split: {}\n  images\n  shards: {}\n"),
        ["a key has no colon behind it (line 3)"],
    ),
    (
        "43 from scratch",
        pipeline(of_template("ssd_mobilenet_v1")),
        ["models.m has no `checkpoint`: this trains from scratch"],
    ),
    ("44 one image", keep_images("p0.jpg"), ["1 image"]),
    ("44 no boxes", without_boxes, ["None of the 10 images has a box, so there is nothing to learn"]),
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
        "45 zoo name alone",
        given(m__checkpoint="zoo:ssd_mobilenet_v1_coco", m__pipeline=None),
        ["the nearest names are"],
    ),
    (
        "45 zoo model that is not here, beside another mistake",
        given(m__checkpoint=f"zoo:{TRAINABLE}", m__pipeline=None, predict={"score_threshold": 50}),
        ["`predict.score_threshold` is 50", "!not here yet"],
    ),
    (
        "46 zoo model that cannot be trained",
        lambda folder: folder.config.update(
            models={"m": {"checkpoint": f"zoo:{UNTRAINABLE}", "num_steps": 5, "checkpoint_every": 5}}
        ),
        [f"`models.m.checkpoint` is zoo:{UNTRAINABLE}, which cannot be trained here: the engine does not have "],
    ),
    (
        "46 extractor that the engine lacks, with start weights",
        both(
            checkpoint("v1/model.ckpt", SSD_V1), pipeline(lambda text: text.replace('mobilenet_v1"', 'mobilenet_v9"'))
        ),
        ["This cannot be trained", "feature_extractor.type is 'ssd_mobilenet_v9'", "!does not fit"],
    ),
    *(
        (
            f"46 {part} that the engine lacks, with start weights",
            both(checkpoint("v1/model.ckpt", SSD_V1), given(m__overrides={f"model.ssd.{kind}": {part: {}}})),
            ["This cannot be trained", part, "!does not fit"],
        )
        for kind, part in (
            ("box_coder", "keypoint_box_coder"),
            ("matcher", "bipartite_matcher"),
        )
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


# Mistakes that are not in the configuration: each function makes one and returns what is said.


def said_by(capsys, *command: str) -> str:
    """What the command says, on standard output and error."""
    capsys.readouterr()
    status = cli.main(list(command))
    told = capsys.readouterr()
    assert status == 1 or "doctor" in command
    return told.out + told.err


def configuration_that_is_not_there(folder, capsys, monkeypatch) -> str:
    (folder / "my.yaml").write_text(yaml.safe_dump(folder.config))
    return said_by(capsys, "run", "--configfile", "nope.yaml")


def forgotten_configuration(folder, capsys, monkeypatch) -> str:
    (folder / "my.yaml").write_text(yaml.safe_dump(folder.config))
    capsys.readouterr()
    config_file.say_that_it_is_the_demo()
    return capsys.readouterr().err


def another_working_folder(folder, capsys, monkeypatch) -> str:
    (folder / "my.yaml").write_text(yaml.safe_dump(folder.config))
    (folder / "elsewhere/x").parent.mkdir(exist_ok=True)
    monkeypatch.chdir(folder.path / "elsewhere")
    with pytest.raises(UserError) as error:
        RunPlan(config_file.read("../my.yaml"), plan_data=True)
    return str(error.value)


def make(folder, *arguments: str, **environment: str) -> str:
    """What `make` says of a failure, which must leave nothing behind."""
    for name in ("Makefile", "uv.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    before = set(folder.path.iterdir())
    command = ["make", "env", *arguments]
    done = subprocess.run(command, cwd=folder.path, capture_output=True, text=True, env=os.environ | environment)
    assert done.returncode and set(folder.path.iterdir()) == before
    return done.stdout + done.stderr


def program(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["#!/bin/sh", *lines]))
    path.chmod(0o755)
    return path


def python_of(version: str, folder, *more: str) -> str:
    """A Python that takes itself for this version; with `more` its `-m venv` makes one that does this."""
    numbers = tuple(map(int, version.split(".")))
    asked = f"import sys; sys.version_info = {numbers}; exec(sys.argv[1])"
    lines = [
        f"test $1 = --version && echo Python {version}",
        f'test $1 = -c && exec {sys.executable} -c "{asked}" "$2"',
    ]
    if more:
        inner = " ".join(f"'{one}'" for one in more)
        lines += ["mkdir -p .uv/bin", f"printf '%s\\n' '#!/bin/sh' {inner} > .uv/bin/python", "chmod +x .uv/bin/python"]
    return str(program(folder / f"python{version}", *lines))


def old_python(folder, capsys, monkeypatch) -> str:
    return make(folder, f"PYTHON={python_of('3.9.2', folder)}")


def future_python(folder, capsys, monkeypatch) -> str:
    return make(folder, f"PYTHON={python_of('3.99.0', folder)}")


def no_network_for_uv(folder, capsys, monkeypatch) -> str:
    failing = ("echo ERROR: No matching distribution found for uv >&2", "exit 1")
    return make(folder, f"PYTHON={python_of('3.12.1', folder, *failing)}")


def no_network_for_packages(folder, capsys, monkeypatch) -> str:
    uv = program(folder / ".uv/bin/uv", "mkdir -p .venv/bin", "echo error: Failed to fetch >&2", "exit 2")
    os.utime(uv, (2e9, 2e9))
    return make(folder, f"PYTHON={python_of('3.12.1', folder)}")


def no_network_for_the_zoo(folder, capsys, monkeypatch) -> str:
    monkeypatch.setenv("BOXWRIGHT_ZOO_MIRROR", "https://127.0.0.1:9")
    monkeypatch.setattr(download, "PAUSE_S", 0.0)
    (folder / "my.yaml").write_text(yaml.safe_dump(folder.config))
    folder.config["models"] = {"m": {"checkpoint": f"zoo:{TRAINABLE}", "num_steps": 5, "checkpoint_every": 5}}
    with pytest.raises(UserError) as error:
        RunPlan(folder.config, plan_data=True, download=True)
    assert not list(Path("resources/zoo").glob("*.gz*"))
    return str(error.value)


def small_disk(folder, capsys, monkeypatch) -> str:
    (folder / "my.yaml").write_text(yaml.safe_dump(folder.config | {"results": "here/results"}))
    monkeypatch.setattr(doctor, "ask_tensorflow", lambda: None)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 10**6, 10**6))
    return said_by(capsys, "doctor", "--configfile", "my.yaml")


def small_disk_before_the_run(folder, capsys, monkeypatch) -> str:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 10**6, 10**6))
    return folder.told(capsys)


def results_that_cannot_be_written(folder, capsys, monkeypatch) -> str:
    no_access(folder)
    return places.results(settings.load(folder.config)["results"])


def no_gpu_for_the_training(folder, capsys, monkeypatch) -> str:
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    folder.model["gpus"] = 1
    told = []
    loaded = settings.load(folder.config)["models"]["m"]
    devices.take(devices.of_training(loaded)).tell(told.append, told.append)
    return " ".join(told)


def no_gpu_for_doctor(folder, capsys, monkeypatch) -> str:
    folder.model["gpus"] = 1
    (folder / "my.yaml").write_text(yaml.safe_dump(folder.config))
    monkeypatch.setattr(doctor, "ask_tensorflow", lambda: {"version": "2.21.0", "cuda": "", "cudnn": "", "gpus": []})
    monkeypatch.setattr(doctor, "nvidia_gpus", list)
    return said_by(capsys, "doctor", "--configfile", "my.yaml")


def by_doctor(*mistakes):
    """What doctor says of a configuration with mistakes."""

    def told(folder, capsys, monkeypatch) -> str:
        for one in mistakes:
            one(folder)
        monkeypatch.setattr(doctor, "ask_tensorflow", lambda: None)
        (folder / "my.yaml").write_text(yaml.safe_dump(folder.config))
        return said_by(capsys, "doctor", "--configfile", "my.yaml")

    return told


def untrusted_by_doctor(**others):
    """What doctor says of an archive that nobody vouches for."""

    def told(folder, capsys, monkeypatch) -> str:
        monkeypatch.setenv("BOXWRIGHT_ZOO_MIRROR", "http://127.0.0.1:9")
        return by_doctor(given(m__checkpoint=f"zoo:{UNKNOWN_SUM}", **others))(folder, capsys, monkeypatch)

    return told


def without_its_pipeline(folder: Folder) -> None:
    """An unpacked archive of the zoo without a pipeline.config."""
    (folder / f"resources/zoo/{TRAINABLE}/model.ckpt.index").touch()
    folder.config["models"]["m"] = {"checkpoint": f"zoo:{TRAINABLE}", "num_steps": 5, "checkpoint_every": 5}


def no_access(folder: Folder) -> None:
    """A results folder in /proc, where even root cannot make any."""
    folder.config["results"] = "/proc/self/results"


def width_by_lint(folder, capsys, monkeypatch) -> str:
    NARROW(folder)
    text = (folder / "pipeline.config").read_text()
    start = 'fine_tune_checkpoint: "narrow/model.ckpt" fine_tune_checkpoint_type: "detection"'
    (folder / "pipeline.config").write_text(text.replace("train_config {", f"train_config {{ {start}", 1))
    return said_by(capsys, "lint", "pipeline.config")


NO_ENVIRONMENT = ["could not be installed", "is there a network?", "https_proxy", "Nothing half made stays"]
OTHER_ROWS = [
    (
        "33 no such configuration",
        configuration_that_is_not_there,
        ["There is no configuration nope.yaml (looked for from ", "There is my.yaml."],
    ),
    (
        "34 forgotten configuration",
        forgotten_configuration,
        ["so this is the demo (config/config.yaml)", "For my.yaml add `--configfile my.yaml`"],
    ),
    (
        "36 another working folder",
        another_working_folder,
        ["`dataset.images` names data/images, but there is no such folder (looked for from ", "/elsewhere)"],
    ),
    (
        "37 Python 3.9",
        old_python,
        ["boxwright needs Python 3.11, 3.12 or 3.13", "is Python 3.9.2", "make PYTHON=python3.12"],
    ),
    ("37 Python 3.99", future_python, ["boxwright needs Python 3.11, 3.12 or 3.13", "is Python 3.99.0"]),
    (
        "38 no network for uv",
        no_network_for_uv,
        ["Installing uv", "No matching distribution", *NO_ENVIRONMENT],
    ),
    ("38 no network for the packages", no_network_for_packages, ["Failed to fetch", *NO_ENVIRONMENT]),
    (
        "39 zoo without a network",
        no_network_for_the_zoo,
        ["cannot be downloaded: Connection refused", "put the archive at resources/zoo/", "https_proxy", "ZOO_MIRROR"],
    ),
    ("40 small disk", small_disk, ["1 MB free in ", "the run needs about "]),
    (
        "40 small disk, before the run",
        small_disk_before_the_run,
        ["The disk of results has 1 MB free, and a checkpoint of m may take "],
    ),
    ("10 width, by doctor", by_doctor(NARROW), ["x configuration", "It is of a network of width 0.1875"]),
    (
        "10 width, by lint",
        width_by_lint,
        [
            "error another-backbone: train_config.fine_tune_checkpoint is 'narrow/model.ckpt': does not fit:",
            "and the model has width 0.25: set `model.ssd.feature_extractor.depth_multiplier: 0.1875`.",
        ],
    ),
    (
        "19 typo, by doctor",
        by_doctor(pipeline(lambda text: text.replace("num_classes", "num_clases"))),
        ["x configuration", "pipeline.config:", "nearest known: num_classes"],
    ),
    (
        "45 zoo archive that nobody vouches for, by doctor",
        untrusted_by_doctor(),
        [
            "x configuration",
            f"{UNKNOWN_SUM} is not downloaded, because http://127.0.0.1:9/",
            "or set `zoo_trust: true`",
        ],
    ),
    (
        "45 zoo archive with the pipeline.config that nobody vouches for, by doctor",
        untrusted_by_doctor(m__pipeline=None, m__overrides={}),
        [f"before {UNKNOWN_SUM} is downloaded", "x configuration", f"{UNKNOWN_SUM} is not downloaded, because http:"],
    ),
    (
        "45 zoo archive without a pipeline.config, by doctor",
        by_doctor(without_its_pipeline),
        ["x configuration", f"The archive of {TRAINABLE} has no pipeline.config", "Set `models.m.pipeline` to one."],
    ),
    ("31 metric, by doctor", by_doctor(given(export={"metric": "mAP"})), ["x configuration", "`export.metric` is mAP"]),
    ("41 results, by doctor", by_doctor(no_access), ["x results", "nothing can be written to /proc/self here"]),
    (
        "41 results that cannot be written",
        results_that_cannot_be_written,
        ["`results` is /proc/self/results, but nothing can be written to /proc/self here", "Choose another folder"],
    ),
    (
        "42 no GPU",
        no_gpu_for_the_training,
        ["the model asks for 1 GPU, but TensorFlow sees none", "Going on without a GPU, much slower"],
    ),
    ("42 no GPU, by doctor", no_gpu_for_doctor, ["0 here, but `gpus` requests 1"]),
]


@pytest.mark.parametrize(("mistake", "words"), [row[1:] for row in OTHER_ROWS], ids=[row[0] for row in OTHER_ROWS])
def test_mistake_outside_of_the_configuration(folder, mistake, words, capsys, monkeypatch):
    if "make" in mistake.__code__.co_names and not shutil.which("make"):
        pytest.skip("needs make")
    text = " ".join(mistake(folder, capsys, monkeypatch).split())
    for word in words:
        assert word in text, (word, text)
    assert "Traceback" not in text


# Held by a test that needs real Snakemake.
ELSEWHERE = {35: ("tests/workflow/test_mistakes.py", "test_snakemake_of_another_environment_is_told_in_a_sentence")}


def test_each_mistake_of_the_list_has_its_row():
    first = (row[0].split()[0] for row in [*ROWS, *OTHER_ROWS])
    numbers = {int(word) for word in first if word.isdigit()}
    assert numbers | ELSEWHERE.keys() == set(range(1, 47))
    for path, name in ELSEWHERE.values():
        assert f"def {name}(" in (ROOT / path).read_text()


def label_map_without_dog(folder: Folder) -> None:
    (folder / "map.pbtxt").write_text(LABEL_MAP)
    folder.config["dataset"]["label_map"] = "map.pbtxt"


IOU = "model.ssd.post_processing.batch_non_max_suppression.iou_threshold"
SETTINGS = {
    "unknown key": (given(dataset__colour=1), "`dataset.colour` is not a key"),
    "bounds": (given(predict__score_threshold=50), "`predict.score_threshold` is 50"),
    "a date": (given(zoo_trust=datetime.date(2024, 1, 1)), "`zoo_trust` is a date to YAML"),
    "step": (given(export__checkpoint=250), "`export.checkpoint` is 250, but models.m is saved"),
    "one list": (given(dataset__split={"train": "pipeline.config"}), "`dataset.split` has only one list"),
    "no folder": (given(predict__images="nowhere"), "`predict.images` names nowhere"),
    "no pipeline": (other_model("n", pipeline=None), "`models.n.pipeline` is missing"),
}
LATER = {
    "typo in a file": (
        both(files(typo__config=b"model { sd {} }"), other_model("t", pipeline="typo.config")),
        "typo.config:1:9",
    ),
    "override": (other_model("o", overrides={"learning_rate": 1}), "override `learning_rate`"),
    "impossible": (other_model("i", overrides={IOU: 1.5, "batch": 3}), f"{IOU} is 1.5"),
    "metric": (given(export__metric="mAP"), "`export.metric` is mAP"),
    "early metric": (other_model("e", early_stopping={"patience": 1, "metric": "x"}), "models.e.early_stopping.metric"),
}
WIDTH = {"width": (NARROW, "It is of a network of width 0.1875")}
DATA = {"data": (label_map_without_dog, "class_unknown")}


@pytest.mark.parametrize(
    "kinds",
    [SETTINGS | LATER, DATA | LATER, SETTINGS | WIDTH, LATER | WIDTH, DATA | {"bounds": SETTINGS["bounds"]}],
    ids=["settings", "data", "settings and start weights", "start weights", "data and settings"],
)
def test_one_mistake_of_each_kind_is_told_at_once(folder, kinds, capsys):
    if kinds == SETTINGS | WIDTH:  # what a checkpoint is of can be said once the data are known
        kinds = {kind: one for kind, one in kinds.items() if kind not in ("unknown key", "one list")}
    for mistake, _ in kinds.values():
        mistake(folder)
    text = folder.told(capsys)
    for _, word in kinds.values():
        assert word in text, (word, text)
        assert text.count(word) == 1 or word == "class_unknown", (word, text)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ("seed: 1\n    seed: 2", "`models.m.seed` is given twice"),
        ("checkpoint_every:10", "`checkpoint_every:10` has no space after the colon"),
    ],
)
def test_what_is_wrong_in_the_text_of_the_file_hides_nothing(folder, wrong, word, capsys):
    folder.text = (
        "dataset: {images: data/imges, annotations: data/annotations}\n"
        f"models:\n  m:\n    pipeline: pipeline.config\n    num_steps: 300\n    {wrong}\n    colour: red\n"
    )
    if "every" not in wrong:
        folder.text += "    checkpoint_every: 100\n"
    (folder / "pipeline.config").write_text("model { sd {} }")
    text = folder.told(capsys)
    for one in (word, "`models.m.colour` is not a key", "did you mean data/images?", "pipeline.config:1:9"):
        assert text.count(one) == 1, (one, text)


def test_a_large_data_set_is_not_read_to_tell_a_mistake_in_the_settings(folder, capsys, monkeypatch):
    monkeypatch.setattr(refusal, "_MANY", 20)
    RunPlan(folder.config, plan_data=True)
    label_map_without_dog(folder)
    given(m__colour="red")(folder)
    text = folder.told(capsys)
    assert "`models.m.colour` is not a key" in text and "class_unknown" in text and "20 files" not in text
    shutil.rmtree("results")
    text = folder.told(capsys)
    assert "`models.m.colour` is not a key" in text and "class_unknown" not in text
    assert text.endswith("The data set has 20 files, which are read once this is corrected, and checked then.")
    monkeypatch.setattr(refusal, "_MANY", 21)
    assert "class_unknown" in folder.told(capsys)


def test_without_a_mistake_nothing_is_refused(folder, capsys):
    plan = folder.told(capsys)
    assert "cannot be" not in plan and "mistake" not in plan
