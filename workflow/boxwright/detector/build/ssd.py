"""Build the detector that an `Ssd` message describes.

Batch norm in training follows the OD API. With TF1 extractors, `freeze_batchnorm` affects only the backbone; the neck,
the head and an overridden backbone follow `conv_hyperparams.batch_norm.train`. With Keras extractors (`..._keras`),
`freeze_batchnorm` alone decides for all layers.

The catalogue says which fields have no effect (`no_effect` of the messages' rules).
"""

from typing import Any

from google.protobuf.message import Message

from boxwright.boxes import mining, nms, similarity
from boxwright.catalog.extractors import Extractor, head_of
from boxwright.detector.build import network
from boxwright.detector.families.ssd import Ssd, SsdNumbers
from boxwright.detector.hyperparams import of_keras
from boxwright.detector.layers import Variables
from boxwright.detector.preprocessing import Preprocessing
from boxwright.pipeline import parts


def build(message: Message, row: Extractor, registry: Variables, preprocessing: Preprocessing) -> Ssd:
    """The detector; its variables are added to `registry` in the order backbone, neck, head."""
    loss, post = message.loss, message.post_processing
    sampler = loss.random_example_sampler if loss.HasField("random_example_sampler") else None
    numbers = parts.fill(
        SsdNumbers,
        message,
        localization_weight=loss.localization_weight,
        classification_weight=loss.classification_weight,
        positive_sample_fraction=sampler and sampler.positive_sample_fraction,
        pad_to_multiple=row.taken(message.feature_extractor, "pad_to_multiple"),
        smallest_side=row.smallest_side,
    )
    anchors = parts.make(message.anchor_generator)
    offered = {
        **_fields(message.feature_extractor, message, row),
        "channels_in": preprocessing.channels,
        "freeze_batchnorm": message.freeze_batchnorm,
        "keras": _keras(row),
        "extra_maps_key": row.extra_maps_key,
        "extra_depths": row.extra_depths,
        "extra_kernels": row.extra_kernels,
        "bottom_up": row.bottom_up,
        "levels": row.map_levels(message.feature_extractor),
        **row.ignored,
    }
    features = network.module("backbones", row.backbone).features
    neck = None
    with registry.rounded_between_layers(row.rounded_features):
        backbone = network.call(features, registry, row.scope, offered=offered, **row.arguments)
        if row.neck:
            neck = network.call(network.module("necks", row.neck).make, registry, row.scope, backbone, offered=offered)
    chosen = parts.choice(message.box_predictor)
    predictor = getattr(message.box_predictor, chosen)
    head = network.call(
        network.module("heads", head_of(chosen)).make,
        registry,
        (backbone if neck is None else neck).channels,
        anchors.per_location,
        numbers.num_classes,
        numbers.add_background_class,
        offered={
            **_fields(predictor, message, row),
            "keras": _keras(row),
            "force_use_bias": predictor.conv_hyperparams.force_use_bias,
        },
    )
    miner = None
    if loss.HasField("hard_example_miner"):
        weights = {"classification_weight": loss.classification_weight, "localization_weight": loss.localization_weight}
        miner = parts.fill(mining.make, loss.hard_example_miner, **weights)
    alike = message.similarity_calculator
    return Ssd(
        numbers=numbers,
        registry=registry,
        backbone_scopes=row.scopes,
        preprocessing=preprocessing,
        backbone=backbone,
        neck=neck,
        head=head,
        anchors=anchors,
        box_coder=parts.make(message.box_coder),
        matcher=parts.make(message.matcher),
        similarity=similarity.make(parts.choice(alike), **parts.numbers(getattr(alike, parts.choice(alike)))),
        classification_loss=parts.make(loss.classification_loss),
        localization_loss=parts.make(loss.localization_loss),
        miner=miner,
        suppression=parts.fill(nms.Settings, post.batch_non_max_suppression),
        convert_scores=parts.fill(nms.score_converter, post),
    )


def _fields(part: Message, message: Message, row: Extractor) -> dict[str, Any]:
    """The fields of a part of the network, with its layer settings as the row's dialect (TF1 or TF2) has them."""
    found = network.fields(part)
    if _keras(row):
        settings = found["conv_hyperparams"].with_batch_norm(train=not message.freeze_batchnorm)
        found["conv_hyperparams"] = of_keras(settings, part.conv_hyperparams.force_use_bias)
    return found


def _keras(row: Extractor) -> bool:
    return row.dialect == "tf2"
