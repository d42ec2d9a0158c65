"""What a row says of a feature extractor."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from google.protobuf.message import Message


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
    unread: fields of the message that the extractor does not read. Those that are in `only` too would be read by a part
        that it shares with others, so a run sets them to that value.
    unset: what fields that are not set mean, where it is not the schema's default; of a field that is a message, those
        of its fields. A run writes them out.
    strides: the supported values of `first_stage_features_stride`, the usual one first.
    normalization: name of the module in detector/normalization that normalises pixels.
    black_padding: whether padding is black pixels that are normalised like all others; if not, it is 0 after
        normalisation.
    scopes: prefixes of the variable names that a checkpoint of the backbone can fill.
    scope: prefix of the backbone's variables; with two stages, below each of `scopes`. The name of an architecture that
        the message chooses follows it without a slash.
    classifier_names: prefixes of variable names, with the prefixes that a TF1 checkpoint of a classifier has instead;
        other names are there without the one of `scopes`.
    dialect: "tf1" or "tf2", whose layers the network is built from and whose checkpoints it reads.
    extra_maps_key: the name of the extra maps in TF2's object graph.
    smallest_side: the fewest pixels that an image side may have; with less, the downsampling leaves nothing.
    multiple: what must divide the image sides, since maps of different strides are added.
    only_side: the only number of pixels that an image side may have; 0: any.
    batch_norm_decay: decay per step of the moving averages in the backbone's own batch norm.
    batch_norm_fixed: whether this batch norm, and a neck's that belongs to it, trains whatever is configured.
    bounded: whether activations keep their size in a network whose batch norm does nothing, as it begins, so that it
        can be trained like that. Plain residual networks multiply theirs with each unit.
    rounded_features: whether a CPU that computes in bfloat16 also rounds the tensors between the layers of backbone and
        neck, and not the factors of products alone: where that is faster (benchmarks/precision.py).
    bfloat16_with: the instructions (`devices.instructions`) with which `precision: auto` trains it in bfloat16 on a
        CPU: those with which that is much faster (benchmarks/precision.py) and the models are as good
        (precision_quality.py).
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
    unread: tuple[str, ...] = ()
    unset: Mapping[str, Any] = {}
    strides: tuple[int, ...] = ()
    black_padding: bool = False
    classifier_names: Mapping[str, str] = {}
    dialect: str = "tf1"
    extra_maps_key: str = ""
    smallest_side: int = 33
    multiple: int = 1
    only_side: int = 0
    batch_norm_fixed: bool = False
    bounded: bool = False
    rounded_features: bool = False
    bfloat16_with: tuple[str, ...] = ()
    depthwise_template: str = ""
    compared: bool = False

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

    def cell_levels(self, extractor: Message) -> range:
        """The levels whose cells the maps of `map_levels` have: a cell of level n covers 2^n pixels to a side.

        TF2's FPN takes the coarsest of the backbone's maps, even where its own last level is a finer one.
        """
        levels = self.map_levels(extractor)
        coarser = max(self.levels) - levels[-1] if self.neck == "fpn" and self.dialect == "tf2" else 0
        return range(levels[0] + max(coarser, 0), levels[-1] + max(coarser, 0) + 1)

    def taken(self, extractor: Message, field: str) -> Any:
        """The value of a field of the extractor's message, or the one that the extractor takes instead."""
        return self.ignored.get(field, getattr(extractor, field))

    def overridden(self, extractor: Message) -> bool:
        """Whether the backbone has the settings of the message's `conv_hyperparams`."""
        name = "override_base_feature_extractor_hyperparams"
        return name not in self.unread and getattr(extractor, name, False)

    def adds_layers(self, extractor: Message) -> bool:
        """Whether the neck has layers of its own, with the settings of the message's `conv_hyperparams`."""
        return self.neck in PYRAMIDS or (
            self.neck == "extra_maps" and self.taken(extractor, "num_layers") > len(self.levels)
        )

    def fields_unread(self) -> tuple[str, ...]:
        """The fields of the extractor's message that it does not read; those in `ignored` apart."""
        return (*self.unread, *(["num_layers"] if self.neck in PYRAMIDS else []))

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


# Fields that help users and do not affect results, or not those of a training that has begun, which keeps the precision
# that `auto` chose; of the heads, what the message chooses decides, and of what a run writes out, the configuration.
_ABOUT = (
    *("batch_norm_decay", "batch_norm_fixed", "bounded", "like", "template", "depthwise_template"),
    *("checkpoint_mb", "heads", "only", "architectures", "compared", "unread", "unset", "bfloat16_with"),
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
