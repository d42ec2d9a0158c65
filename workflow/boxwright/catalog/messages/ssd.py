"""One stage: box codes and classes from several feature maps at once."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog import extractors
from boxwright.catalog.messages import image_resizer, module_of
from boxwright.catalog.ranges import CLASSES, NOT_NEGATIVE, Range
from boxwright.catalog.relations import plain, unordered
from boxwright.catalog.spec import LEFT_OUT, Block, Break, Only, Spec, relation

_TYPE = "feature_extractor.type"


def _extractor(message: Message) -> Iterator[Break]:
    return extractors.lacking(message, "ssd", message.box_predictor.convolutional_box_predictor.use_depthwise)


@relation()
def _similarity(message: Message) -> Iterator[Break]:
    """Thresholds are shares where the similarity is one."""
    matcher = message.matcher.argmax_matcher
    kind = message.similarity_calculator.WhichOneof("region_similarity")
    if kind == "thresholded_iou_similarity" and not message.add_background_class:
        yield "add_background_class", False, f"{kind} takes the first class for the background", True
    if matcher.ignore_thresholds or kind not in ("iou_similarity", "ioa_similarity"):
        return
    for name in ("matched_threshold", "unmatched_threshold"):
        value = getattr(matcher, name)
        if not 0 <= value <= 1:
            why = f"{kind} is 0 to 1, and so must this be"
            yield f"matcher.argmax_matcher.{name}", plain(value), why, 0.5


@relation(_TYPE)
def _input_size(message: Message) -> Iterator[Break]:
    yield from image_resizer.too_small(message, extractors.row_of(message, "ssd"))


@relation(_TYPE)
def _predictor_depths(message: Message) -> Iterator[Break]:
    """TF2's predictor refuses what the least depth decides in that of TF1."""
    row = extractors.row_of(message, "ssd")
    if row is not None and row.dialect == "tf2":
        for name, *rest in unordered(message.box_predictor.convolutional_box_predictor, "min_depth", "max_depth"):
            yield f"box_predictor.convolutional_box_predictor.{name}", *rest


@relation("feature_extractor", "anchor_generator")
def _layers(message: Message) -> Iterator[Break]:
    """Each layer of anchors has a feature map of its own."""
    generator, maps = message.anchor_generator, message.feature_extractor.num_layers
    kind, row = generator.WhichOneof("anchor_generator_oneof"), extractors.row_of(message, "ssd")
    if kind is None or row is None:
        return
    chosen = getattr(generator, kind)
    layers = module_of(chosen.DESCRIPTOR.name).layers(chosen)
    if layers != maps:
        why = f"{kind} has {layers} layers, and each needs a feature map of its own"
        yield "feature_extractor.num_layers", maps, why, layers if layers in row.num_layers() else None


SPEC = Spec(
    fields={
        "num_classes": Range(1, CLASSES),
        "image_resizer": Block(needed=True),
        "box_coder": Block(needed=True),
        "matcher": Block(needed=True),
        "similarity_calculator": Block(needed=True),
        "negative_class_weight": NOT_NEGATIVE,
        "box_predictor": Block(needed=True, among=("convolutional_box_predictor",), after=_TYPE),
        "anchor_generator": Block(
            needed=True, among=("ssd_anchor_generator", "multiscale_anchor_generator"), after=_TYPE
        ),
        "loss": Block(needed=True),
        "explicit_background_class": Only(False),
        "use_confidences_as_targets": Only(False),
        "mask_head_config": LEFT_OUT,
    },
    refusals=(_extractor,),
    relations=(_similarity, _input_size, _predictor_depths, _layers),
)
