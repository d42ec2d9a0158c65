"""One stage: box codes and classes from several feature maps at once."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog import extractors
from boxwright.catalog.messages import image_resizer, module_of
from boxwright.catalog.messages.box_coder import CODE_SIZES
from boxwright.catalog.ranges import CLASSES, NOT_NEGATIVE, Range
from boxwright.catalog.relations import plain, unordered
from boxwright.catalog.spec import LEFT_OUT, Block, Break, NoEffect, Only, Spec, relation

_TYPE = "feature_extractor.type"
_CONVOLUTIONAL = "box_predictor.convolutional_box_predictor"
_WEIGHT_SHARED = "box_predictor.weight_shared_convolutional_box_predictor"
_OF_EXTRACTOR = "feature_extractor.conv_hyperparams"
_SETTINGS = (_OF_EXTRACTOR, f"{_CONVOLUTIONAL}.conv_hyperparams", f"{_WEIGHT_SHARED}.conv_hyperparams")


def _tf1(message: Message) -> bool:
    return extractors.is_tf1(message, "ssd")


def _tf2(message: Message) -> bool:
    return extractors.is_tf2(message, "ssd")


def _one_setting(message: Message) -> bool:
    """Whether all layers of the weight-shared head have the same settings anyway."""
    return _tf1(message) or not message.box_predictor.weight_shared_convolutional_box_predictor.use_depthwise


def _extractor(message: Message) -> Iterator[Break]:
    return extractors.lacking(message, "ssd", message.box_predictor.convolutional_box_predictor.use_depthwise)


def _predictors(message: Message) -> tuple[str, ...]:
    row = extractors.row_of(message, "ssd")
    return row.predictors() if row is not None else ()


@relation()
def _similarity(message: Message) -> Iterator[Break]:
    """The matcher's thresholds must be 0 to 1 if the similarity is."""
    matcher = message.matcher.argmax_matcher
    kind = message.similarity_calculator.WhichOneof("region_similarity")
    if kind == "thresholded_iou_similarity" and not message.add_background_class:
        yield "add_background_class", False, f"{kind} treats the first class as the background", True
    if matcher.ignore_thresholds or kind not in ("iou_similarity", "ioa_similarity"):
        return
    for name in ("matched_threshold", "unmatched_threshold"):
        value = getattr(matcher, name)
        if not 0 <= value <= 1:
            why = f"it must be 0 to 1, as {kind} is"
            yield f"matcher.argmax_matcher.{name}", plain(value), why, 0.5


@relation(_TYPE)
def _input_size(message: Message) -> Iterator[Break]:
    row = extractors.row_of(message, "ssd")
    if row is not None and row.only_side:
        yield from image_resizer.of_another_size(message, row)
    else:
        _, last = _halved_levels(message, row) or (0, 0)
        yield from image_resizer.too_small(message, row, 2**last)


@relation(_TYPE)
def _predictor_depths(message: Message) -> Iterator[Break]:
    """TF2's predictor refuses a min_depth above max_depth; in TF1's, min_depth wins."""
    row = extractors.row_of(message, "ssd")
    if row is not None and row.dialect == "tf2":
        for name, *rest in unordered(message.box_predictor.convolutional_box_predictor, "min_depth", "max_depth"):
            yield f"box_predictor.convolutional_box_predictor.{name}", *rest


@relation(_TYPE)
def _settings_of_layers(message: Message) -> Iterator[Break]:
    """What the settings of layers can be in TF1 models."""
    kind = message.box_predictor.WhichOneof("box_predictor_oneof")
    settings = [path for path in _SETTINGS if path == _OF_EXTRACTOR or f".{kind}." in path]
    yield from extractors.forced_biases(message, "ssd", *settings)
    # The weight-shared head has no synchronised batch norm in TF2 models either.
    yield from extractors.synchronised(message, "ssd", *(path for path in settings if _WEIGHT_SHARED not in path))
    yield from extractors.of_other_layers(message, "ssd", "CONV", *settings)


@relation("feature_extractor", "anchor_generator")
def _layers(message: Message) -> Iterator[Break]:
    """Each layer of anchors has a feature map of its own."""
    generator, extractor = message.anchor_generator, message.feature_extractor
    kind, row = generator.WhichOneof("anchor_generator_oneof"), extractors.row_of(message, "ssd")
    if kind is None or row is None:
        return
    chosen = getattr(generator, kind)
    layers, maps = module_of(chosen.DESCRIPTOR.name).layers(chosen), row.map_levels(extractor)
    if layers == len(maps):
        return
    why = f"{kind} has {layers} layers, and each needs a feature map of its own"
    field = extractors.PYRAMIDS.get(row.neck)
    if {field, "num_layers"} & row.ignored.keys() or f"{field}.max_level" in row.only:
        why = f"{extractor.type} always has the levels {maps[0]} to {maps[-1]}, and {why}"
        yield f"anchor_generator.{kind}", f"{layers} layers", why, None
    elif field is None:
        use = layers if layers in row.num_layers() else None
        yield "feature_extractor.num_layers", extractor.num_layers, why, use
    else:
        yield f"feature_extractor.{field}.max_level", maps[-1], why, maps[0] + layers - 1


def _halved_levels(message: Message, row: extractors.Extractor | None) -> tuple[int, int] | None:
    """The first and last level of those maps of which each must have half of the cells of the one before; else None.

    A pyramid adds a map, enlarged twofold, to the next finer one.
    """
    if row is None or row.neck not in extractors.PYRAMIDS:
        return None
    # This one cuts what it has enlarged, and does not enlarge what it adds beyond the backbone's maps.
    plain_fpn = row.neck == "fpn"
    if plain_fpn and message.feature_extractor.use_explicit_padding:
        return None
    levels = row.cell_levels(message.feature_extractor)
    return levels[0], min(levels[-1], max(row.levels)) if plain_fpn else levels[-1]


@relation(_TYPE, "feature_extractor", "image_resizer")
def _sides(message: Message) -> Iterator[Break]:
    """A map of a pyramid has half of the cells of the one before."""
    halved = _halved_levels(message, extractors.row_of(message, "ssd"))
    if halved is not None:
        yield from image_resizer.not_halving(message, *halved, message.feature_extractor.pad_to_multiple)


@relation(_TYPE, "box_predictor", "box_coder")
def _code_size(message: Message) -> Iterator[Break]:
    """The head predicts as many numbers of each box as a code has."""
    coder, kind = (
        message.box_coder.WhichOneof("box_coder_oneof"),
        message.box_predictor.WhichOneof("box_predictor_oneof"),
    )
    if coder is None or kind is None:
        return
    found, size = getattr(message.box_predictor, kind).box_code_size, CODE_SIZES[coder]
    if found != size:
        yield f"box_predictor.{kind}.box_code_size", found, f"{coder} has codes of {size} numbers", size


@relation(_TYPE, "box_predictor", "anchor_generator")
def _same_anchors(message: Message) -> Iterator[Break]:
    """Shared convolutions predict the same number of anchors on every map."""
    if message.box_predictor.WhichOneof("box_predictor_oneof") != "weight_shared_convolutional_box_predictor":
        return
    counts = [len(grid.base_sizes) for grid in message.anchor_generator.flexible_grid_anchor_generator.anchor_grid]
    for index, count in enumerate(counts):
        if count != counts[0]:
            path = f"anchor_generator.flexible_grid_anchor_generator.anchor_grid.{index}.base_sizes"
            why = f"weight_shared_convolutional_box_predictor predicts as many on every feature map, {counts[0]}"
            yield path, f"{count} anchors", why, None
    generator = message.anchor_generator.ssd_anchor_generator
    if message.anchor_generator.HasField("ssd_anchor_generator") and generator.reduce_boxes_in_lowest_layer:
        path = "anchor_generator.ssd_anchor_generator.reduce_boxes_in_lowest_layer"
        why = "the first layer then has fewer anchors, but weight_shared_convolutional_box_predictor predicts the same "
        yield path, True, f"{why}number on every feature map", False


SPEC = Spec(
    fields={
        "num_classes": Range(1, CLASSES),
        "image_resizer": Block(needed=True),
        "box_coder": Block(needed=True),
        "matcher": Block(needed=True),
        "similarity_calculator": Block(needed=True),
        "negative_class_weight": NOT_NEGATIVE,
        "box_predictor": Block(needed=True, among=_predictors, after=_TYPE),
        "anchor_generator": Block(
            needed=True,
            among=("ssd_anchor_generator", "multiscale_anchor_generator", "flexible_grid_anchor_generator"),
            after=_TYPE,
        ),
        "loss": Block(needed=True),
        "explicit_background_class": Only(False),
        "use_confidences_as_targets": Only(False),
        "mask_head_config": LEFT_OUT,
    },
    refusals=(_extractor,),
    relations=(
        _similarity,
        _input_size,
        _predictor_depths,
        _settings_of_layers,
        _layers,
        _sides,
        _code_size,
        _same_anchors,
    ),
    no_effect={
        "inplace_batchnorm_update": NoEffect("averages always move within the step", done=True),
        "implicit_example_weight": NoEffect("there are no confidences as targets, which alone have it"),
        "return_raw_detections_during_predict": NoEffect("the raw boxes are always given", done=True),
        **dict.fromkeys((f"{path}.op" for path in _SETTINGS), NoEffect("TF2 models do not read it", _tf2)),
        f"{_CONVOLUTIONAL}.apply_sigmoid_to_scores": NoEffect("TF2's head does not read it", _tf2),
        f"{_WEIGHT_SHARED}.conv_hyperparams.activation": NoEffect("TF1's head always has ReLU6", _tf1, "RELU_6"),
        **dict.fromkeys(
            (f"{_WEIGHT_SHARED}.apply_conv_hyperparams_{where}" for where in ("to_heads", "pointwise")),
            NoEffect("only TF2's separable layers (use_depthwise) have this choice", _one_setting),
        ),
    },
)
