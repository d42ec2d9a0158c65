"""The nearest feature extractor that the engine has to one that it lacks, and a whole configuration that has it."""

import re

EXTRACTORS = {
    "ssd": ("ssd_mobilenet_v1", "ssd_mobilenet_v1_keras", "ssd_mobilenet_v2", "ssd_mobilenet_v2_keras"),
    "faster_rcnn": ("faster_rcnn_resnet50", "faster_rcnn_resnet101", "faster_rcnn_resnet152"),
}
# Backbones that are as deep as a ResNet-101 or deeper; no larger one here has published detection weights.
_DEEP = re.compile("101|inception_resnet|nas|hourglass")


def extractor(meta_architecture: str, kind: str) -> str:
    """The extractor nearest to one of the type `kind`, by what it is for and by its depth.

    An SSD gets the MobileNet of its version, the second where that is not here, and of its dialect (`..._keras` is
    TF2's); all others, whose accuracy is that of large backbones, a Faster R-CNN of a like depth.
    """
    if meta_architecture == "ssd":
        version = 1 if re.search(r"mob\w*_v1", kind) else 2
        return f"ssd_mobilenet_v{version}" + ("_keras" if kind.endswith("_keras") else "")
    if meta_architecture == "center_net" and "mobilenet" in kind:
        return "ssd_mobilenet_v2_keras"
    if "152" in kind:
        return "faster_rcnn_resnet152"
    return "faster_rcnn_resnet101" if _DEEP.search(kind) else "faster_rcnn_resnet50"


def template(kind: str, depthwise: bool = False) -> str:
    """The configuration in config/pipelines that has an extractor of `EXTRACTORS`, or is the nearest to one that has.

    `depthwise`: the one with depthwise separable heads is wanted.
    """
    name = kind.removesuffix("_keras").replace("resnet152", "resnet101")
    if name == "ssd_mobilenet_v2" and depthwise:
        name = "ssdlite_mobilenet_v2"
    return f"config/pipelines/{name}.config"
