"""The feature extractors that the engine has: one row each, with everything that is known of it.

A row says where the extractor's code is by the names of its modules, which are imported only where the row is in use.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import Message

from boxwright.catalog.families import FAMILIES
from boxwright.catalog.spec import Break


class Level(NamedTuple):
    """A map that a backbone gives: pixels of the input per cell, channels at width 1.0."""

    stride: int
    channels: int


class Extractor(NamedTuple):
    """One value of `feature_extractor.type`, and all that is known of it.

    family: name of the modules in detector/build and detector/families, and of the field of `model { }`.
    backbone, neck, heads: names of the modules in detector/backbones, detector/necks and detector/heads.
    arguments: what the backbone takes beside what the message says.
    levels: the maps of the backbone that are used, by level; a cell of level n has a side of 2^n pixels.
    box_features: channels of the features of each proposal; 0 for one stage.
    most_extra_maps: how many maps the neck can put on top of the backbone's.
    strides: what `first_stage_features_stride` may be, the usual one first.
    normalization: name of the module in detector/normalization through which pixels go.
    black_padding: padding is black pixels, normalised like all others; if not, it is 0 in normalised pixels.
    scopes: prefixes of the variable names that a checkpoint of the backbone can fill.
    scope: where the backbone's variables are; with two stages, below each of `scopes`.
    dialect: "tf1" or "tf2", by whose layers the network is built and whose checkpoints it reads.
    extra_maps_key: the name of the extra maps in TF2's object graph.
    smallest_side: images have at least this many pixels to a side: less, and the halvings leave nothing.
    batch_norm_decay: of the averages of the backbone's own batch norm, per step: how slowly they forget.
    like: regular expression of the types, not here, to which this one is nearest (see `nearest`).
    template: a whole configuration with it, or with the nearest to it that has one.
    depthwise_template: the same with depthwise separable heads; "" where there is none.
    checkpoint_mb: a checkpoint with its momentum, in generous MB.
    """

    type: str
    family: str
    backbone: str
    heads: tuple[str, ...]
    levels: Mapping[int, Level]
    normalization: str
    scopes: tuple[str, ...]
    scope: str
    batch_norm_decay: float
    like: str
    template: str
    checkpoint_mb: int
    arguments: Mapping[str, Any] = {}
    neck: str = ""
    box_features: int = 0
    most_extra_maps: int = 0
    strides: tuple[int, ...] = ()
    black_padding: bool = False
    dialect: str = "tf1"
    extra_maps_key: str = ""
    smallest_side: int = 33
    depthwise_template: str = ""

    @property
    def normalization_module(self) -> str:
        """The module, by its dotted name, through which pixels go."""
        return f"boxwright.detector.normalization.{self.normalization}"

    def modules(self) -> list[str]:
        """The modules, by their dotted names, which a detector with this extractor is built from by name alone."""
        rooms = {
            "build": [self.family],
            "families": [self.family],
            "backbones": [self.backbone],
            "necks": [self.neck] if self.neck else [],
            "heads": self.heads,
        }
        named = [f"boxwright.detector.{room}.{name}" for room, names in rooms.items() for name in names]
        return [*named, self.normalization_module]

    def num_layers(self) -> range:
        """How many feature maps it can give: those of the backbone, and as many on top as the neck can make."""
        return range(len(self.levels), len(self.levels) + self.most_extra_maps + 1)

    def deciding(self) -> dict[str, Any]:
        """The fields that decide results, as plain JSON values, for identities.

        A field at its default is left out, so that a field which is new changes the identity only of rows that use it.
        """
        used = {name: value for name, value in self._asdict().items() if value != self._field_defaults.get(name)}
        levels = {str(level): list(facts) for level, facts in self.levels.items()}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in used.items()}
        return {name: value for name, value in (plain | {"levels": levels}).items() if name not in _ABOUT}


# Fields that help people and decide no result.
_ABOUT = ("batch_norm_decay", "like", "template", "depthwise_template", "checkpoint_mb")


_SSD: dict[str, Any] = {
    "family": "ssd",
    "neck": "extra_maps",
    "heads": ("convolutional",),
    "most_extra_maps": 4,
    "normalization": "minus_one_to_one",
    "scopes": ("FeatureExtractor",),
    "batch_norm_decay": 0.9997,
    "checkpoint_mb": 80,
}
_MOBILENET_V1: dict[str, Any] = {
    **_SSD,
    "backbone": "mobilenet_v1",
    "levels": {4: Level(16, 512), 5: Level(32, 1024)},
    "scope": "FeatureExtractor/MobilenetV1",
    "like": r"mob\w*_v1",
    "template": "config/pipelines/ssd_mobilenet_v1.config",
}
_MOBILENET_V2: dict[str, Any] = {
    **_SSD,
    "backbone": "mobilenet_v2",
    "levels": {4: Level(16, 576), 5: Level(32, 1280)},
    "scope": "FeatureExtractor/MobilenetV2",
    "like": r"mobilenet(?!\w*_v1)",
    "template": "config/pipelines/ssd_mobilenet_v2.config",
    "depthwise_template": "config/pipelines/ssdlite_mobilenet_v2.config",
}


def _resnet(depth: int, like: str, template: str) -> Extractor:
    return Extractor(
        type=f"faster_rcnn_resnet{depth}",
        family="faster_rcnn",
        backbone="resnet_v1",
        arguments={"depth": depth},
        heads=("region_proposals", "mask_rcnn"),
        levels={4: Level(16, 1024)},
        box_features=2048,
        strides=(16, 8),
        normalization="channel_means",
        black_padding=True,
        scopes=("FirstStageFeatureExtractor", "SecondStageFeatureExtractor"),
        scope=f"resnet_v1_{depth}",
        batch_norm_decay=0.997,
        like=like,
        template=f"config/pipelines/{template}.config",
        checkpoint_mb=500,
    )


# The first of a family is its usual one, the first of all that of families which are not here.
ROWS = (
    _resnet(50, r"resnet\w*50", "faster_rcnn_resnet50"),
    # Near to all that is as deep or deeper; no larger one here has published detection weights.
    _resnet(101, "101|inception_resnet|nas|hourglass", "faster_rcnn_resnet101"),
    _resnet(152, "152", "faster_rcnn_resnet101"),
    Extractor(type="ssd_mobilenet_v2", **_MOBILENET_V2),
    Extractor(type="ssd_mobilenet_v2_keras", dialect="tf2", extra_maps_key="feature_map_generator", **_MOBILENET_V2),
    Extractor(type="ssd_mobilenet_v1", **_MOBILENET_V1),
    Extractor(type="ssd_mobilenet_v1_keras", dialect="tf2", extra_maps_key="_feature_map_generator", **_MOBILENET_V1),
)
EXTRACTORS: dict[str, Extractor] = {row.type: row for row in ROWS}


def row_of(model: Message, family: str) -> Extractor | None:
    """The row of the extractor of a model's message, of the family `family`; None if the engine does not have it."""
    if family not in FAMILIES:
        return None
    row = EXTRACTORS.get(model.feature_extractor.type)
    return row if row is not None and row.family == family else None


def lacking(model: Message, family: str, depthwise: bool = False) -> Iterator[Break]:
    """The break of a model's message, of the family `family`, whose extractor the engine does not have.

    depthwise: its heads are depthwise separable.
    """
    type_ = model.feature_extractor.type
    if row_of(model, family) is None:
        near = nearest(family, type_)
        why = f"the engine does not have this feature extractor; {whole(near, depthwise)}"
        if family == "ssd" and "resnet" in type_:
            why += f", {nearest('faster_rcnn', type_).template} one with a ResNet"
        yield "feature_extractor.type", type_ or None, why, near.type


def whole(row: Extractor, depthwise: bool = False) -> str:
    """A clause that names a whole configuration with the nearest extractor, which is that of `row`."""
    template = row.depthwise_template if depthwise and row.depthwise_template else row.template
    return f"{template} is a whole configuration with the nearest one"


def nearest(family: str, type_: str) -> Extractor:
    """The row nearest to an extractor that the engine does not have, by what it is for, its depth and its dialect.

    An SSD gets one of an SSD; a family that is not here one with a like backbone, which mostly means a Faster R-CNN.
    """
    here = [row for row in ROWS if row.family == family] or list(ROWS)
    usual = [row for row in here if (row.backbone, row.arguments) == (here[0].backbone, here[0].arguments)]
    alike = [row for row in here if re.search(row.like, type_)] or usual
    dialect = "tf2" if type_.endswith("_keras") or family == "center_net" else "tf1"
    return next((row for row in alike if row.dialect == dialect), alike[0])
