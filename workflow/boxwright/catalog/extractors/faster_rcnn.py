"""The rows of Faster R-CNN, whose networks R-FCN has too."""

from typing import Any

from boxwright.catalog.extractors.row import Extractor, Level

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
    "bounded": True,
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
        "rounded_features": True,
        "batch_norm_decay": 0.997,
        "like": like,
        "template": f"config/pipelines/{template}.config",
        "checkpoint_mb": 500,
    }
    return Extractor(**{**usual, **facts})


def _resnet_of_keras(depth: int, like: str, template: str, **facts: Any) -> Extractor:
    return _resnet(
        depth,
        like,
        template,
        type=f"faster_rcnn_resnet{depth}_keras",
        **_KERAS_FASTER_RCNN,
        **facts,
    )


# The first row is the family's usual one.
ROWS = (
    _resnet(50, r"resnet\w*50", "faster_rcnn_resnet50", compared=True),
    # The nearest to all extractors that are as deep or deeper: no larger one here has published detection weights.
    _resnet(101, "101|nas|hourglass", "faster_rcnn_resnet101", compared=True),
    _resnet(152, "152", "faster_rcnn_resnet101"),
    _resnet_of_keras(50, r"resnet\w*50", "faster_rcnn_resnet50", compared=True),
    _resnet_of_keras(101, "101|nas|hourglass", "faster_rcnn_resnet101"),
    _resnet_of_keras(152, "152", "faster_rcnn_resnet101"),
    Extractor(
        type="faster_rcnn_inception_resnet_v2",
        strides=(16, 8),
        # The count of repeated blocks begins again with the second stage, and goes on in the classifier.
        classifier_names={"SecondStageFeatureExtractor/InceptionResnetV2/Repeat/": "InceptionResnetV2/Repeat_2/"},
        compared=True,
        **_INCEPTION_RESNET,
    ),
    Extractor(
        **{
            **_INCEPTION_RESNET,
            **_KERAS_FASTER_RCNN,
            "type": "faster_rcnn_inception_resnet_v2_keras",
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
        compared=True,
        template="config/pipelines/faster_rcnn_inception_v2.config",
        checkpoint_mb=150,
        **_INCEPTION_FASTER_RCNN,
    ),
)
