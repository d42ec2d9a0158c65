"""The annotation formats that boxwright reads, one entry each. A new format changes no other module.

A format is a module in `dataset/formats`. It is imported by the name given here when a file of that format occurs.
"""

import re
from collections.abc import Mapping
from fnmatch import translate
from functools import cache
from typing import NamedTuple

from boxwright.core import wording

_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_OF_SHARDS = ".tfrecord"
# What `dataset.format` may be beside the keys of formats.
AUTO = "auto"


class Format(NamedTuple):
    """An annotation format.

    name: its common name, for messages. module: the dotted name of the module that reads it. endings: the endings of
    its file names, in lower case, each with its dot; several formats may share one.
    sign: what its files are recognised by, a noun phrase for messages.
    one_image: whether a file is about the image that has the file's name, before any name that it states.
    beside: the names of files that explain others of the format (of classes, for example), in lower case, with "*" for
    any letters and a fixed ending. They are looked for in the file's folder and in all folders above it; outside of the
    folders that the user gives, in the next two above and only names without "*". They are no annotations themselves.
    holds_images: whether its files hold the images too (`Statement.embedded`).
    tasks: beginnings of names of files that are about the same images for different tasks; of those in one folder whose
    names are the same otherwise only the first is read.
    classifies: whether an image without objects that is marked with a class as a whole was classified, and not
    annotated. In other formats such an image has no objects: their tools write marks beside objects, and every image.
    places: pairs of folder names: a file in a folder of the first name is about an image in one of the second name that
    has the same place otherwise, as "labels/train/a.txt" about "images/train/a.jpg".
    aliases: what people call the format beside its key, in small letters and digits.
    """

    name: str
    module: str
    endings: tuple[str, ...]
    sign: str = ""
    one_image: bool = False
    beside: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    places: tuple[tuple[str, str], ...] = ()
    holds_images: bool = False
    classifies: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The last part of the module's name, which identifies the format in the settings and in caches."""
        return self.module.rpartition(".")[2]

    def explains(self, name: str) -> bool:
        """Whether a file with this name (without folders) explains files of the format."""
        return _pattern(self.beside).match(name.lower()) is not None


VOC = Format(
    "Pascal VOC",
    "boxwright.dataset.formats.voc",
    (".xml",),
    sign="XML whose root is <annotation>",
    one_image=True,
    aliases=("pascal", "pascalvoc", "vocxml", "pascalxml", "labelimg"),
)

FORMATS = (
    VOC,
    Format(
        "LabelMe",
        "boxwright.dataset.formats.labelme",
        (".json",),
        sign="JSON with shapes and the path of an image",
        one_image=True,
        classifies=True,
    ),
    Format(
        "Label Studio",
        "boxwright.dataset.formats.label_studio",
        (".json",),
        sign="JSON of tasks with the results of annotations, or of JSON-MIN's flat objects",
    ),
    Format(
        "VGG Image Annotator",
        "boxwright.dataset.formats.via",
        (".json",),
        sign="JSON with regions of images",
        aliases=("vgg", "vggvia", "vggimageannotator"),
    ),
    Format(
        "VGG Image Annotator (CSV)",
        "boxwright.dataset.formats.via_csv",
        (".csv",),
        sign="a table with the column region_shape_attributes",
        aliases=("vgg", "vggcsv", "vggimageannotator"),
    ),
    Format("VoTT", "boxwright.dataset.formats.vott", (".json",), sign="JSON with assets and their regions"),
    Format(
        "Create ML",
        "boxwright.dataset.formats.createml",
        (".json",),
        sign="a JSON list of images with the coordinates of labels",
        aliases=("labelimg", "apple"),
    ),
    Format(
        "Supervisely",
        "boxwright.dataset.formats.supervisely",
        (".json",),
        sign="JSON with objects and the size of the image",
        one_image=True,
        places=(("ann", "img"),),
    ),
    Format(
        "Darwin (V7)",
        "boxwright.dataset.formats.darwin",
        (".json",),
        sign="JSON with an item or image of Darwin and its annotations",
        one_image=True,
        places=(("annotations", "images"),),
        aliases=("v7",),
    ),
    Format(
        "SageMaker Ground Truth",
        "boxwright.dataset.formats.ground_truth",
        (".manifest", ".jsonl", ".json"),
        sign="lines of JSON with a source-ref",
        aliases=("sagemaker", "aws"),
    ),
    Format(
        "Ultralytics NDJSON",
        "boxwright.dataset.formats.ndjson",
        (".ndjson", ".jsonl"),
        sign="lines of JSON about a data set and its images",
    ),
    Format(
        "AutoML and Vertex AI (CSV)",
        "boxwright.dataset.formats.automl_csv",
        (".csv",),
        sign="a table without a head line that begins with a set and an address",
        aliases=("automl", "vertex", "vertexai"),
    ),
    Format(
        "dlib",
        "boxwright.dataset.formats.dlib",
        (".xml",),
        sign="XML whose root is <dataset>, with images",
        aliases=("imglab",),
    ),
    Format(
        "KITTI",
        "boxwright.dataset.formats.kitti",
        (".txt",),
        sign="text whose rows are a type and 14 numbers",
        one_image=True,
        places=(("label_2", "image_2"), ("labels", "images")),
    ),
    Format(
        "DOTA",
        "boxwright.dataset.formats.dota",
        (".txt",),
        sign="text whose rows are four corners, a class and a difficulty",
        one_image=True,
        places=(("labelTxt", "images"),),
    ),
    Format(
        "VisDrone",
        "boxwright.dataset.formats.visdrone",
        (".txt",),
        sign="text whose rows are eight whole numbers",
        one_image=True,
        places=(("annotations", "images"),),
    ),
    Format(
        "MOTChallenge",
        "boxwright.dataset.formats.mot",
        (".txt",),
        sign="gt.txt with rows of numbers",
        beside=("labels.txt", "seqinfo.ini"),
        places=(("gt", "img1"),),
        aliases=("motchallenge", "mot15", "mot16", "mot17", "mot20"),
    ),
    Format(
        "YOLO Keras",
        "boxwright.dataset.formats.yolo_keras",
        (".txt",),
        sign="text whose rows are an image and boxes with commas",
        beside=("_classes.txt", "classes.txt"),
        aliases=("kerasyolo",),
    ),
    Format(
        "COCO",
        "boxwright.dataset.formats.coco",
        (".json",),
        sign="JSON with lists of images, annotations and categories",
        tasks=("instances_", "person_keypoints_", "stuff_", "labels_", "panoptic_", "captions_", "image_info_"),
        aliases=("mscoco", "detectron", "detectron2"),
    ),
    Format(
        "Open Images (CSV)",
        "boxwright.dataset.formats.open_images",
        (".csv",),
        sign="a table with the columns ImageID, LabelName and XMin",
        beside=("class-descriptions-boxable.csv", "class-descriptions.csv", "*class-descriptions*.csv", "classes.csv"),
        aliases=("oid",),
    ),
    Format(
        "TFRecord of the OD API",
        "boxwright.dataset.formats.tfrecord",
        (".record", ".records", ".tfrecord", ".tfrecords", ".tfrec"),
        sign="a file of records",
        beside=("label_map.pbtxt", "labelmap.pbtxt", "tf_label_map.pbtxt", "object-detection.pbtxt", "*.pbtxt"),
        holds_images=True,
        aliases=("tf", "tensorflow"),
    ),
    Format(
        "CVAT",
        "boxwright.dataset.formats.cvat",
        (".xml",),
        sign="XML whose root is <annotations>, with images or tracks",
    ),
    Format(
        "YOLO",
        "boxwright.dataset.formats.yolo",
        (".txt",),
        sign="text whose rows are a class number and shares of the image",
        one_image=True,
        beside=(
            "data.yaml",
            "dataset.yaml",
            "*.yaml",
            "*.yml",
            "obj.names",
            "obj.data",
            "*.names",
            "classes.txt",
            "labels.txt",
            "predefined_classes.txt",
            "notes.json",
            "_darknet.labels",
        ),
        places=(("labels", "images"),),
        aliases=("ultralytics", "darknet", "labelimg"),
    ),
    # after the other tables, whose columns it would take for its own
    Format(
        "a table of boxes (CSV)",
        "boxwright.dataset.formats.csv",
        (".csv", ".tsv"),
        sign="a table whose columns are an image, four edges and a class",
        beside=("classes.csv", "class_map.csv"),
        aliases=("table", "retinanet"),
    ),
)


@cache
def _pattern(names: tuple[str, ...]) -> re.Pattern:
    """A pattern for names of files with "*"; one for all of them is fast."""
    return re.compile("|".join(map(translate, names)) or r"(?!)")


@cache
def _any_pattern() -> re.Pattern:
    return _pattern(tuple([one for about in FORMATS for one in about.beside]))


def explains(name: str) -> bool:
    """Whether a file with this name explains files of any format."""
    return _any_pattern().match(name.lower()) is not None


@cache
def by_key() -> Mapping[str, Format]:
    """All formats by their keys."""
    return {one.key: one for one in FORMATS}


@cache
def by_ending() -> Mapping[str, tuple[Format, ...]]:
    """The formats that share each ending, in the order of the list."""
    endings = dict.fromkeys(ending for one in FORMATS for ending in one.endings)
    return {ending: tuple([one for one in FORMATS if ending in one.endings]) for ending in endings}


def meant(word: str) -> list[str]:
    """The keys of the formats that a word may mean which is no key itself: a usual name of theirs, or an ending.

    The versions of YOLO ("yolov8") are one format, and an ending behind a name adds nothing ("coco_json").
    """
    plain = re.sub(r"[\W_]+", "", word.casefold())
    known = {re.sub("_", "", key): key for key in by_key()}
    plain = "yolo" if re.fullmatch(r"yolov?\d+\w*", plain) else plain
    if plain in known:
        return [known[plain]]
    named = [one.key for one in FORMATS if plain in one.aliases]
    if named or f".{plain}" in by_ending():
        return named or [one.key for one in by_ending()[f".{plain}"]]
    endings = {ending.removeprefix(".") for ending in by_ending()}
    without = next((plain.removesuffix(one) for one in sorted(endings) if plain.endswith(one)), "")
    return meant(without) if without else []


def did_you_mean(word: str) -> str:
    """A clause about a word that is no key of a format."""
    if len(found := meant(word)) == 1:
        return f"did you mean `{found[0]}`?"
    if found:
        return f"that may be {wording.either([f'`{key}`' for key in found])}; `{AUTO}` finds out which."
    return wording.did_you_mean(word, [AUTO, *by_key()])


def ending(name: str) -> str:
    """The ending of a file's name in lower case, without the number of a shard ("a.record-00000-of-00010").

    A shard whose name has no other ending ("train-00000-of-00010", of the OD API's tools) counts as one of records.
    """
    name = name.lower()
    if name[-1:].isdigit():
        whole, name = name, _SHARD.sub("", name)
        if whole != name and "." not in name:
            return _OF_SHARDS
    return f".{name.rpartition('.')[2]}"


@cache
def endings() -> tuple[str, ...]:
    """The endings of all files that formats may need: annotations, and files that explain them."""
    beside = [f".{pattern.rpartition('.')[2]}" for one in FORMATS for pattern in one.beside]
    return tuple(dict.fromkeys([*by_ending(), *beside]))
