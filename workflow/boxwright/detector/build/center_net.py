"""Build the detector that a `CenterNet` message describes.

The catalogue says which fields have no effect (`no_effect` of the messages' rules).
"""

from google.protobuf.message import Message

from boxwright.boxes import nms
from boxwright.catalog.extractors import Extractor
from boxwright.detector.build import network
from boxwright.detector.families.center_net import CenterNet, CenterNetNumbers
from boxwright.detector.heads.center import CENTER, OFFSET, SCALE
from boxwright.detector.layers import Variables
from boxwright.detector.preprocessing import Preprocessing
from boxwright.pipeline import parts


def build(message: Message, row: Extractor, registry: Variables, preprocessing: Preprocessing) -> CenterNet:
    """The detector; its variables are added to `registry` in the order backbone, neck, heads."""
    center, task = message.object_center_params, message.object_detection_task
    numbers = parts.fill(
        CenterNetNumbers,
        center,
        num_classes=message.num_classes,
        task_loss_weight=task.task_loss_weight,
        offset_loss_weight=task.offset_loss_weight,
        scale_loss_weight=task.scale_loss_weight,
        multiple=row.multiple,
    )
    offered = {
        **network.fields(message.feature_extractor),
        "channels_in": preprocessing.channels,
        **row.arguments,
    }
    features = network.module("backbones", row.backbone).center_features
    backbone = network.call(features, registry, row.scope, offered=offered)
    neck, maps = None, 1
    if row.neck:
        neck = network.call(network.module("necks", row.neck).make, registry, row.scope, backbone, offered=offered)
    else:
        maps = backbone.num_stacks
    (channels,) = (backbone if neck is None else neck).channels.values()
    heads = {
        CENTER: center.center_head_params,
        SCALE: task.scale_head_params,
        OFFSET: task.offset_head_params,
    }
    suppressed = message.HasField("post_processing")
    return CenterNet(
        numbers=numbers,
        registry=registry,
        backbone_scopes=row.scopes,
        preprocessing=preprocessing,
        backbone=backbone,
        neck=neck,
        heads=network.module("heads", row.heads[0]).make(
            registry,
            maps,
            channels,
            numbers.num_classes,
            layers={kind: parts.numbers(given) for kind, given in heads.items()},
            use_depthwise=message.use_depthwise,
            heatmap_bias_init=center.heatmap_bias_init,
        ),
        classification_loss=parts.make(center.classification_loss),
        localization_loss=parts.make(task.localization_loss),
        suppression=parts.fill(nms.Settings, message.post_processing.batch_non_max_suppression) if suppressed else None,
    )
