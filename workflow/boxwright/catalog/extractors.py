"""The feature extractors that the engine supports: one row each, with all facts about it.

A row names the modules with the extractor's code. They are imported only when the row is used.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import Message

from boxwright.catalog.families import FAMILIES
from boxwright.catalog.relations import plain
from boxwright.catalog.spec import Break


class Level(NamedTuple):
    """A feature map of a backbone: input pixels per cell, channels at width 1.0, and what it leaves out of the image.

    lost: pixels of an image side that convolutions without padding leave out, before it is divided by the stride; None:
    all convolutions are padded, and each halving rounds up.
    """

    stride: int
    channels: int
    lost: int | None = None

    def cells(self, side: int) -> int:
        """The number of cells along an image side of `side` pixels."""
        return -(-side // self.stride) if self.lost is None else max((side - self.lost) // self.stride, 0)


class Extractor(NamedTuple):
    """One value of `feature_extractor.type`, with all facts about it.

    family: name of the modules in detector/build and detector/families, and of the field of `model { }`.
    backbone, neck, heads: names of the modules in detector/backbones, detector/necks and detector/heads. A message
        chooses one of the heads in `PREDICTORS`; the usual one is the first.
    arguments: arguments of the backbone that are not in the message.
    architectures: the names of the networks that the message can choose from, the usual one first; (): there is one.
    levels: the backbone's maps that are used, by level, finest first; a cell of level n has a side of 2^n pixels,
        unless the level's own stride is another.
    box_features: channels of the features of each proposal; 0 for one stage.
    most_extra_maps: how many maps the necks `extra_maps` and `pooling_pyramid` can add to the backbone's.
    extra_depths, extra_kernels: channels of these maps at width 1.0, and the sides of their kernels with stride 2; ():
        the neck's own.
    bottom_up: the name of the first map that a pyramid adds to the backbone's.
    ignored: fields of the message that the extractor ignores, with the values that it takes instead; of a field that is
        a message, those of its fields.
    only: fields of the message, or of one of its messages ("fpn.min_level"), with the only value that the extractor
        can have.
    strides: the supported values of `first_stage_features_stride`, the usual one first.
    normalization: name of the module in detector/normalization that normalises pixels.
    black_padding: whether padding is black pixels that are normalised like all others; if not, it is 0 after
        normalisation.
    scopes: prefixes of the variable names that a checkpoint of the backbone can fill.
    scope: prefix of the backbone's variables; with two stages, below each of `scopes`. The name of an architecture that
        the message chooses follows it without a slash.
    dialect: "tf1" or "tf2", whose layers the network is built from and whose checkpoints it reads.
    extra_maps_key: the name of the extra maps in TF2's object graph.
    smallest_side: the fewest pixels that an image side may have; with less, the downsampling leaves nothing.
    multiple: what must divide the image sides, since maps of different strides are added.
    only_side: the only number of pixels that an image side may have; 0: any.
    batch_norm_decay: decay per step of the moving averages in the backbone's own batch norm.
    like: regular expression of the unsupported types to which this one is the nearest (see `nearest`).
    template: a complete configuration with this extractor, or with the nearest one that has a template.
    depthwise_template: the same with depthwise separable heads; "" if there is none.
    checkpoint_mb: a generous estimate of the size of a checkpoint with momentum, in MB.
    compared: whether the network gave the numbers that the OD API gave; if not, it was built from its definition alone.
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
    architectures: tuple[str, ...] = ()
    neck: str = ""
    box_features: int = 0
    most_extra_maps: int = 0
    extra_depths: tuple[int, ...] = ()
    extra_kernels: tuple[int, ...] = ()
    bottom_up: str = ""
    ignored: Mapping[str, Any] = {}
    only: Mapping[str, Any] = {}
    strides: tuple[int, ...] = ()
    black_padding: bool = False
    dialect: str = "tf1"
    extra_maps_key: str = ""
    smallest_side: int = 33
    multiple: int = 1
    only_side: int = 0
    depthwise_template: str = ""
    compared: bool = True

    @property
    def normalization_module(self) -> str:
        """The dotted name of the module that normalises pixels."""
        return f"boxwright.detector.normalization.{self.normalization}"

    def modules(self, predictor: str = "") -> list[str]:
        """The dotted names of the modules that a detector with this extractor imports by name.

        predictor: the box predictor that the message chooses; "" for all that it could choose.
        """
        unused = set(self.predictors()) - {predictor} if predictor else set()
        rooms = {
            "build": [self.family],
            "families": [self.family],
            "backbones": [self.backbone],
            "necks": [self.neck] if self.neck else [],
            "heads": [head for head in self.heads if predictor_of(head) not in unused],
        }
        named = [f"boxwright.detector.{room}.{name}" for room, names in rooms.items() for name in names]
        return [*named, self.normalization_module]

    def backbone_in_checkpoint(self, kind: str) -> tuple[str, ...]:
        """How the names of the backbone's variables begin in a TF1 checkpoint of a detector or of a classifier.

        kind: "detection" or "classification".
        """
        own = self.scope.rpartition("/")[2]
        own += "" if self.architectures else "/"
        return tuple(f"{scope}/{own}" for scope in self.scopes) if kind == "detection" else (own,)

    def predictors(self) -> tuple[str, ...]:
        """The alternatives of `BoxPredictor` that a message can choose with this extractor, the usual one first."""
        return tuple(predictor_of(head) for head in self.heads if head in PREDICTORS)

    def map_levels(self, extractor: Message) -> range:
        """The levels of the feature maps that the heads get, given the extractor's message."""
        first = min(self.levels)
        if self.neck in TO_ONE_MAP:
            return range(TO_ONE_MAP[self.neck], TO_ONE_MAP[self.neck] + 1)
        field = PYRAMIDS.get(self.neck)
        if field is None:
            count = self.taken(extractor, "num_layers") if self.neck else len(self.levels)
            return range(first, first + count)
        pyramid, ends = getattr(extractor, field), ("min_level", "max_level")
        given = {name: self.only.get(f"{field}.{name}", getattr(pyramid, name)) for name in ends}
        given |= self.ignored.get(field, {})
        return range(given["min_level"], given["max_level"] + 1)

    def taken(self, extractor: Message, field: str) -> Any:
        """The value of a field of the extractor's message, or the one that the extractor takes instead."""
        return self.ignored.get(field, getattr(extractor, field))

    def num_layers(self) -> range:
        """The possible numbers of feature maps: the backbone's, plus those that the neck `extra_maps` can add."""
        return range(len(self.levels), len(self.levels) + self.most_extra_maps + 1)

    def deciding(self) -> dict[str, Any]:
        """The fields that affect results, as plain JSON values, for identities.

        Fields at their defaults are left out. A newly added field thus changes the identity only of rows that use it.
        """
        used = {name: value for name, value in self._asdict().items() if value != self._field_defaults.get(name)}
        levels = {str(level): [value for value in facts if value is not None] for level, facts in self.levels.items()}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in used.items()}
        return {name: value for name, value in (plain | {"levels": levels}).items() if name not in _ABOUT}


# Fields that help users and do not affect results; of the heads, what the message chooses decides.
_ABOUT = (
    *("batch_norm_decay", "like", "template", "depthwise_template", "checkpoint_mb", "heads", "only", "architectures"),
    "compared",
)
# The heads that are alternatives of `BoxPredictor`.
PREDICTORS = ("convolutional", "weight_shared_convolutional", "mask_rcnn", "rfcn")
# The necks whose levels are in a field of the extractor's message, which is this one.
PYRAMIDS = {"fpn": "fpn", "bifpn": "bifpn", "mnasfpn": "fpn"}
# The necks that make one map, and its level.
TO_ONE_MAP = {"top_down": 2, "deconvolutions": 2}


def predictor_of(head: str) -> str:
    """The alternative of `BoxPredictor` that a head implements."""
    return f"{head}_box_predictor"


def head_of(predictor: str) -> str:
    """The head that implements an alternative of `BoxPredictor`."""
    return predictor.removesuffix("_box_predictor")


_SSD: dict[str, Any] = {
    "family": "ssd",
    "heads": ("convolutional", "weight_shared_convolutional"),
    "normalization": "minus_one_to_one",
    "scopes": ("FeatureExtractor",),
    "batch_norm_decay": 0.9997,
    "checkpoint_mb": 80,
}
_EXTRA_MAPS: dict[str, Any] = {"neck": "extra_maps", "most_extra_maps": 4}
_FPN: dict[str, Any] = {
    "neck": "fpn",
    "heads": ("weight_shared_convolutional", "convolutional"),
    "arguments": {"pyramid": True},
    "template": "config/pipelines/ssd_mobilenet_v2_fpnlite_320.config",
    "depthwise_template": "",
}
_MOBILENET_V1: dict[str, Any] = {
    **_SSD,
    **_EXTRA_MAPS,
    "backbone": "mobilenet_v1",
    "levels": {4: Level(16, 512), 5: Level(32, 1024)},
    "scope": "FeatureExtractor/MobilenetV1",
    "like": r"mob\w*_v1(?!\w*fpn)",
    "template": "config/pipelines/ssd_mobilenet_v1.config",
}
_MOBILENET_V2: dict[str, Any] = {
    **_SSD,
    **_EXTRA_MAPS,
    "backbone": "mobilenet_v2",
    "levels": {4: Level(16, 576), 5: Level(32, 1280)},
    "scope": "FeatureExtractor/MobilenetV2",
    "like": r"mobilenet(?!\w*(_v1|fpn))",
    "template": "config/pipelines/ssd_mobilenet_v2.config",
    "depthwise_template": "config/pipelines/ssdlite_mobilenet_v2.config",
}
_MOBILENET_V3: dict[str, Any] = {
    **_SSD,
    **_EXTRA_MAPS,
    "backbone": "mobilenet_v3",
    "scope": "FeatureExtractor/MobilenetV3",
    "like": r"mobilenet_v3(?!\w*fpn)",
    "template": "config/pipelines/ssdlite_mobilenet_v2.config",
}


def _mobilenet_v3(size: str, minimalistic: bool) -> Extractor:
    name = f"{size}_minimalistic" if minimalistic else size
    channels = {"large": (672, 480), "small": (288, 288)}[size]
    return Extractor(
        type=f"ssd_mobilenet_v3_{name}",
        arguments={"size": name},
        levels={level: Level(2**level, wide) for level, wide in enumerate(channels, 4)},
        compared=not minimalistic,
        **{**_MOBILENET_V3, "like": "minimalistic" if minimalistic else _MOBILENET_V3["like"]},
    )


def _mobiledet(target: str, c4: int, c5: int) -> Extractor:
    return Extractor(
        type=f"ssd_mobiledet_{target.lower()}",
        backbone="mobiledet",
        arguments={"target": target},
        levels={4: Level(16, c4), 5: Level(32, c5)},
        scope=f"FeatureExtractor/MobileDet{target}",
        like="(?!)" if target != "CPU" else "mobiledet",
        compared=target in ("CPU", "EdgeTPU"),
        template="config/pipelines/ssdlite_mobilenet_v2.config",
        **{**_SSD, **_EXTRA_MAPS, "batch_norm_decay": 0.99},
    )


_INCEPTION: dict[str, Any] = {
    **_SSD,
    "neck": "extra_maps",
    "only": {"override_base_feature_extractor_hyperparams": True},
    "checkpoint_mb": 300,
    "template": "config/pipelines/ssd_mobilenet_v2.config",
}
# What TF2's ResNets have whatever `fpn` says.
_RETINANET = {"fpn": {"min_level": 3, "max_level": 7, "additional_layer_depth": 256}}
_MOBILENET_V1_FPN: dict[str, Any] = {
    **_SSD,
    **_FPN,
    "backbone": "mobilenet_v1",
    "levels": {2: Level(4, 128), 3: Level(8, 256), 4: Level(16, 512), 5: Level(32, 1024)},
    "bottom_up": "Conv2d_14",
    "scope": "FeatureExtractor/MobilenetV1",
    "like": r"mob\w*_v1\w*fpn",
}
_MOBILENET_V2_FPN: dict[str, Any] = {
    **_SSD,
    **_FPN,
    "backbone": "mobilenet_v2",
    "levels": {2: Level(4, 24), 3: Level(8, 32), 4: Level(16, 96), 5: Level(32, 1280)},
    "bottom_up": "Conv2d_20",
    "scope": "FeatureExtractor/MobilenetV2",
    "like": r"^(ssd(?!.*(mob.*_v1|resnet)).*|mobilenet_v2_)fpn",
}


# The channels of the levels 1 to 5 of EfficientNet B0 to B7, with the factors of width and depth.
_EFFICIENTNETS = (
    ((16, 24, 40, 112, 320), 1.0, 1.0),
    ((16, 24, 40, 112, 320), 1.0, 1.1),
    ((16, 24, 48, 120, 352), 1.1, 1.2),
    ((24, 32, 48, 136, 384), 1.2, 1.4),
    ((24, 32, 56, 160, 448), 1.4, 1.8),
    ((24, 40, 64, 176, 512), 1.6, 2.2),
    ((32, 40, 72, 200, 576), 1.8, 2.6),
    ((32, 48, 80, 224, 640), 2.0, 3.1),
)


def _efficientdet(number: int, channels: tuple[int, ...], width: float, depth: float) -> Extractor:
    return Extractor(
        type=f"ssd_efficientnet-b{number}_bifpn_keras",
        family="ssd",
        backbone="efficientnet",
        arguments={"width": width, "depth": depth},
        neck="bifpn",
        heads=("weight_shared_convolutional", "convolutional"),
        levels={level: Level(2**level, wide) for level, wide in enumerate(channels, 1)},
        normalization="channel_means_and_deviations",
        scopes=("FeatureExtractor",),
        scope="FeatureExtractor/EfficientNet",
        dialect="tf2",
        batch_norm_decay=0.99,
        smallest_side=129,
        like="(?!)" if number else "efficientnet",
        template="config/pipelines/efficientdet_d0.config",
        checkpoint_mb=(50, 70, 90, 120, 190, 300, 440, 440)[number],
        compared=not number,
    )


_FASTER_RCNN: dict[str, Any] = {
    "family": "faster_rcnn",
    "heads": ("region_proposals", "mask_rcnn", "rfcn"),
    "black_padding": True,
    "scopes": ("FirstStageFeatureExtractor", "SecondStageFeatureExtractor"),
}
# The second stages that there are with networks of TF2.
_KERAS_FASTER_RCNN: dict[str, Any] = {"dialect": "tf2", "heads": ("region_proposals", "mask_rcnn"), "strides": (16,)}
_INCEPTION_FASTER_RCNN: dict[str, Any] = {
    **_FASTER_RCNN,
    "normalization": "minus_one_to_one",
    "batch_norm_decay": 0.9997,
}
_INCEPTION_RESNET: dict[str, Any] = {
    **_INCEPTION_FASTER_RCNN,
    "backbone": "inception_resnet_v2",
    "levels": {4: Level(16, 1088)},
    "box_features": 1536,
    "scope": "InceptionResnetV2",
    "like": r"inception_resnet",
    "template": "config/pipelines/faster_rcnn_resnet101.config",
    "checkpoint_mb": 600,
}


def _resnet(depth: int, like: str, template: str, **facts: Any) -> Extractor:
    usual: dict[str, Any] = {
        **_FASTER_RCNN,
        "type": f"faster_rcnn_resnet{depth}",
        "backbone": "resnet_v1",
        "arguments": {"depth": depth},
        "levels": {4: Level(16, 1024)},
        "box_features": 2048,
        "strides": (16, 8),
        "normalization": "channel_means",
        "scope": f"resnet_v1_{depth}",
        "batch_norm_decay": 0.997,
        "like": like,
        "template": f"config/pipelines/{template}.config",
        "checkpoint_mb": 500,
    }
    return Extractor(**{**usual, **facts})


def _resnet_of_keras(depth: int, like: str, template: str) -> Extractor:
    return _resnet(
        depth,
        like,
        template,
        type=f"faster_rcnn_resnet{depth}_keras",
        **_KERAS_FASTER_RCNN,
    )


def _resnet_fpn(depth: int, dialect: str) -> Extractor:
    return Extractor(
        **{
            **_SSD,
            **_FPN,
            "type": f"ssd_resnet{depth}_v1_fpn{'_keras' if dialect == 'tf2' else ''}",
            "backbone": "resnet_v1",
            "arguments": {"depth": depth},
            "levels": {2: Level(4, 256), 3: Level(8, 512), 4: Level(16, 1024), 5: Level(32, 2048)},
            "bottom_up": "block5",
            "only": {"depth_multiplier": 1.0},
            "ignored": _RETINANET if dialect == "tf2" else {},
            "normalization": "channel_means",
            "scope": f"FeatureExtractor/resnet_v1_{depth}",
            "dialect": dialect,
            "smallest_side": 129,
            "batch_norm_decay": 0.997,
            "like": f"ssd_resnet{depth}" if depth != 50 else r"ssd_resnet(?!101|152)",
            "template": "config/pipelines/ssd_resnet50_v1_fpn_320.config",
            "checkpoint_mb": 500,
        }
    )


_CENTER_NET: dict[str, Any] = {
    "family": "center_net",
    "heads": ("center",),
    "black_padding": True,
    "scopes": ("FeatureExtractor",),
    "dialect": "tf2",
    "batch_norm_decay": 0.99,
    "multiple": 32,
    "template": "config/pipelines/centernet_resnet50_v1_fpn.config",
}
# Of the fields that only the MobileNets read.
_PLAIN = {"depth_multiplier": 1.0, "use_separable_conv": False, "upsampling_interpolation": "nearest"}
_CENTER_NET_MOBILENET: dict[str, Any] = {
    **_CENTER_NET,
    "backbone": "mobilenet_v2",
    "neck": "top_down",
    "levels": {2: Level(4, 24), 3: Level(8, 32), 4: Level(16, 64), 5: Level(32, 1280)},
    "normalization": "minus_one_to_one",
    "scope": "FeatureExtractor/MobilenetV2",
    "batch_norm_decay": 0.9997,
    "checkpoint_mb": 60,
}


def _center_net_resnet_fpn(depth: int) -> Extractor:
    return Extractor(
        type=f"resnet_v1_{depth}_fpn",
        backbone="resnet_v1",
        arguments={"depth": depth, "widths": (256, 128, 64)},
        neck="top_down",
        levels={2: Level(4, 256), 3: Level(8, 512), 4: Level(16, 1024), 5: Level(32, 2048)},
        normalization="bgr_means",
        scope=f"FeatureExtractor/resnet_v1_{depth}",
        only=_PLAIN,
        like="v1_(101|152)" if depth == 101 else "v1(?!_(101|152))",
        compared=depth == 50,
        checkpoint_mb=700,
        **_CENTER_NET,
    )


def _center_net_resnet(depth: int) -> Extractor:
    return Extractor(
        type=f"resnet_v2_{depth}",
        backbone="resnet_v2",
        arguments={"depth": depth},
        neck="deconvolutions",
        levels={5: Level(32, 2048)},
        normalization="minus_one_to_one",
        scope=f"FeatureExtractor/resnet_v2_{depth}",
        only=_PLAIN,
        like="v2_(101|152)" if depth == 101 else "resnet_v2(?!_(101|152))",
        compared=depth == 50,
        checkpoint_mb=700,
        **_CENTER_NET,
    )


# The first row of a family is its usual one. The first row of all is the usual one for unsupported families.
ROWS = (
    _resnet(50, r"resnet\w*50", "faster_rcnn_resnet50"),
    # The nearest to all extractors that are as deep or deeper: no larger one here has published detection weights.
    _resnet(101, "101|nas|hourglass", "faster_rcnn_resnet101"),
    _resnet(152, "152", "faster_rcnn_resnet101"),
    _resnet_of_keras(50, r"resnet\w*50", "faster_rcnn_resnet50"),
    _resnet_of_keras(101, "101|nas|hourglass", "faster_rcnn_resnet101"),
    _resnet_of_keras(152, "152", "faster_rcnn_resnet101"),
    Extractor(type="faster_rcnn_inception_resnet_v2", strides=(16, 8), **_INCEPTION_RESNET),
    Extractor(
        **{
            **_INCEPTION_RESNET,
            **_KERAS_FASTER_RCNN,
            "type": "faster_rcnn_inception_resnet_v2_keras",
            "compared": False,
        }
    ),
    Extractor(
        type="faster_rcnn_inception_v2",
        backbone="inception_v2",
        levels={4: Level(16, 576)},
        box_features=1024,
        strides=(16,),
        scope="InceptionV2",
        like=r"inception_v[23]|mobile",
        template="config/pipelines/faster_rcnn_inception_v2.config",
        checkpoint_mb=150,
        **_INCEPTION_FASTER_RCNN,
    ),
    Extractor(type="ssd_mobilenet_v2", **_MOBILENET_V2),
    Extractor(type="ssd_mobilenet_v2_keras", dialect="tf2", extra_maps_key="feature_map_generator", **_MOBILENET_V2),
    Extractor(type="ssd_mobilenet_v1", **_MOBILENET_V1),
    Extractor(
        type="ssd_mobilenet_v1_ppn",
        **{
            **_MOBILENET_V1,
            "arguments": {"end_points": {4: "Conv2d_11_pointwise"}},
            "levels": {4: Level(16, 512)},
            "neck": "pooling_pyramid",
            "most_extra_maps": 5,
            "heads": ("weight_shared_convolutional", "convolutional"),
            "like": "ppn",
        },
    ),
    Extractor(
        type="embedded_ssd_mobilenet_v1",
        **{
            **_MOBILENET_V1,
            "arguments": {"regularize_depthwise": False},
            "most_extra_maps": 3,
            "extra_depths": (512, 256, 256),
            "extra_kernels": (3, 3, 2),
            "ignored": {"num_layers": 5},
            "only": {"pad_to_multiple": 1},
            "only_side": 256,
            "like": "(?!)",
        },
    ),
    *(_mobilenet_v3(size, minimalistic) for minimalistic in (False, True) for size in ("large", "small")),
    Extractor(
        type="ssd_mobilenet_edgetpu",
        backbone="mobilenet_edgetpu",
        levels={4: Level(16, 384), 5: Level(32, 192)},
        scope="FeatureExtractor/MobilenetEdgeTPU",
        like="edgetpu",
        template="config/pipelines/ssdlite_mobilenet_v2.config",
        **_SSD,
        **_EXTRA_MAPS,
    ),
    Extractor(
        type="ssd_spaghettinet",
        backbone="spaghettinet",
        # The channels of the usual architecture; the last map has the size of the one before.
        levels={4: Level(16, 120), 5: Level(32, 168), 6: Level(64, 136), 7: Level(128, 136), 8: Level(128, 64)},
        architectures=tuple(f"spaghettinet_edgetpu_{size}" for size in "msl"),
        ignored={"num_layers": 5, "pad_to_multiple": 1, "depth_multiplier": 1.0},
        scope="FeatureExtractor/spaghettinet_edgetpu",
        like="spaghetti",
        template="config/pipelines/ssdlite_mobilenet_v2.config",
        **{**_SSD, "batch_norm_decay": 0.97},
    ),
    Extractor(
        type="ssd_inception_v2",
        backbone="inception_v2",
        levels={4: Level(16, 576), 5: Level(32, 1024)},
        most_extra_maps=4,
        scope="FeatureExtractor/InceptionV2",
        like=r"inception(?!_v[34])",
        **_INCEPTION,
    ),
    Extractor(
        type="ssd_inception_v3",
        backbone="inception_v3",
        levels={3: Level(8, 288, 19), 4: Level(16, 768, 27), 5: Level(32, 2048, 43)},
        most_extra_maps=3,
        extra_depths=(512, 256, 128),
        scope="FeatureExtractor/InceptionV3",
        smallest_side=75,
        like=r"inception_v[34]",
        **_INCEPTION,
    ),
    Extractor(type="ssd_mobilenet_v1_keras", dialect="tf2", extra_maps_key="_feature_map_generator", **_MOBILENET_V1),
    *[_efficientdet(number, *facts) for number, facts in enumerate(_EFFICIENTNETS)],
    _mobiledet("CPU", 72, 144),
    _mobiledet("DSP", 144, 240),
    _mobiledet("EdgeTPU", 96, 384),
    _mobiledet("GPU", 128, 384),
    Extractor(type="ssd_mobilenet_v2_fpn_keras", dialect="tf2", **_MOBILENET_V2_FPN),
    Extractor(type="ssd_mobilenet_v2_fpn", **_MOBILENET_V2_FPN),
    Extractor(
        **{
            **_MOBILENET_V2_FPN,
            "type": "ssd_mobilenet_v2_mnasfpn",
            "backbone": "mobilenet_v2_mnasfpn",
            "neck": "mnasfpn",
            "arguments": {},
            "levels": {3: Level(8, 32), 4: Level(16, 96), 5: Level(32, 320)},
            "bottom_up": "",
            "only": {"fpn.min_level": 3, "fpn.max_level": 6},
            "batch_norm_decay": 0.99,
            "like": "mnasfpn",
        }
    ),
    Extractor(type="ssd_mobilenet_v1_fpn_keras", dialect="tf2", **_MOBILENET_V1_FPN),
    Extractor(type="ssd_mobilenet_v1_fpn", **_MOBILENET_V1_FPN),
    *(_resnet_fpn(depth, dialect) for depth in (50, 101, 152) for dialect in ("tf1", "tf2")),
    *(_center_net_resnet_fpn(depth) for depth in (50, 101)),
    *(_center_net_resnet(depth) for depth in (50, 101)),
    Extractor(
        type="mobilenet_v2_fpn",
        arguments={"widths": (64, 32, 24)},
        like=r"mobilenet(?!\w*sep)",
        **_CENTER_NET_MOBILENET,
    ),
    Extractor(
        type="mobilenet_v2_fpn_sep_conv",
        arguments={"widths": (64, 32, 24), "use_separable_conv": True},
        like=r"mobilenet\w*sep",
        compared=False,
        **_CENTER_NET_MOBILENET,
    ),
    Extractor(
        type="hourglass_104",
        backbone="hourglass",
        levels={2: Level(4, 256)},
        normalization="unchanged",
        scope="FeatureExtractor/hourglass_104",
        only=_PLAIN,
        like="hourglass",
        checkpoint_mb=2400,
        **{**_CENTER_NET, "batch_norm_decay": 0.1, "multiple": 128, "smallest_side": 128},
    ),
)
EXTRACTORS: dict[str, Extractor] = {row.type: row for row in ROWS}


def row_of(model: Message, family: str) -> Extractor | None:
    """The row of the extractor in a model's message of the family `family`; None if the engine does not have it."""
    if family not in FAMILIES:
        return None
    row = EXTRACTORS.get(model.feature_extractor.type)
    return row if row is not None and row.family == family else None


def lacking(model: Message, family: str, depthwise: bool = False) -> Iterator[Break]:
    """The break if the engine does not have the extractor in a model's message of the family `family`.

    depthwise: whether the model's heads are depthwise separable.
    """
    type_ = model.feature_extractor.type
    if row_of(model, family) is None:
        near = nearest(family, type_)
        why = f"the engine does not have this feature extractor; {whole(near, depthwise)}"
        yield "feature_extractor.type", type_ or None, why, near.type


def other_than_only(extractor: Message) -> Iterator[Break]:
    """The fields of a feature extractor's message whose values differ from the only ones that it can have."""
    row = EXTRACTORS.get(extractor.type)
    for path, value in (row.only if row is not None else {}).items():
        block, _, name = path.rpartition(".")
        if block and not extractor.HasField(block):
            continue
        found = getattr(getattr(extractor, block) if block else extractor, name)
        if found != value:
            shown = str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else f"{value:g}"
            yield path, plain(found), f"{extractor.type} has no other than {shown}", value


def whole(row: Extractor, depthwise: bool = False) -> str:
    """A clause that names a complete configuration with the nearest extractor, `row`."""
    template = row.depthwise_template if depthwise and row.depthwise_template else row.template
    return f"{template} is a complete configuration with the nearest one"


def nearest(family: str, type_: str) -> Extractor:
    """The row nearest to an extractor that the engine does not have, by family, backbone, depth and dialect.

    An SSD gets an SSD's row. An unsupported family gets a row with a similar backbone, usually a Faster R-CNN's.
    """
    here = [row for row in ROWS if row.family == family] or list(ROWS)
    usual = [row for row in here if (row.backbone, row.arguments) == (here[0].backbone, here[0].arguments)]
    alike = [row for row in here if re.search(row.like, type_)] or usual
    dialect = "tf2" if type_.endswith("_keras") else "tf1"
    return next((row for row in alike if row.dialect == dialect), alike[0])
