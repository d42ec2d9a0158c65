"""The bars of a case: the largest differences that other kernels for the same mathematics explain, with some room."""

import re
from dataclasses import dataclass, replace

from golden_case import Case

# Stands for "not compared": every finite difference passes; NaN, infinity and another shape do not.
ANY = float("inf")


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Bars of one case.

    inputs: of preprocessed images, over their standard deviation.
    raw: of predictions and feature maps without batch statistics: the largest difference over the recorded standard
        deviation. detections: of the boxes and scores of detections, as they are. before_suppression: of the boxes and
        scores of all anchors, and of a detection's scores of all classes, as they are.
    losses, trained: of a step whose batch norm uses the batch: losses relative; predictions and losses of anchors as
        the root mean square of the differences over the recorded standard deviation, for single values on small maps
        are ill-conditioned there.
    losses_of_inference, gradients: of a step whose batch norm uses its moving averages: losses, and the norm of each
        variable's gradient, both relative.
    averages: of the moving averages after a step, over their largest change. chaotic: a regular expression of the names
        of those that say nothing, since the smallest difference before them becomes any difference.
    penalty: of the regularization loss, relative.
    """

    inputs: float = 1e-4
    raw: float = 1e-4
    detections: float = 1e-5
    before_suppression: float = 1e-5
    losses: float = 3e-4
    trained: float = 2e-3
    losses_of_inference: float = 1e-5
    gradients: float = 1e-3
    averages: float = 1e-3
    chaotic: str = "(?!)"
    penalty: float = 1e-5


# Cases whose bars differ from those of their kind.
_SSD, _FASTER_RCNN = {"losses": 1e-4}, {"losses_of_inference": 1e-2, "gradients": 1e-2}
BY_NAME = {
    "ssd_mobilenet_v1": _SSD,
    "ssd_mobilenet_v2": _SSD,
    "ssdlite_mobilenet_v2": _SSD,
    "tf2_ssd_mobilenet_v2_320": _SSD,
    "faster_rcnn_resnet50": _FASTER_RCNN,
    "faster_rcnn_resnet101_atrous": _FASTER_RCNN,
    # It rounds inside, and what crosses a border of rounding jumps: the OD API itself gives other numbers with other
    # kernels. What is left are names, inputs, anchors, targets and the penalty.
    "ssd_spaghettinet": dict.fromkeys(
        ("raw", "detections", "before_suppression", "losses", "losses_of_inference", "trained", "averages"), ANY
    ),
}
# By a regular expression of the feature extractor's type: networks that are ill-conditioned or random.
BY_TYPE = {
    # The boxes and scores of anchors are functions of the raw predictions, whose slope is at most a quarter.
    "mnasfpn": {"raw": 5e-4, "before_suppression": 5e-4 / 4},
    # The layers that are dropped in training are drawn at random.
    "efficientnet": {"losses": ANY, "trained": ANY, "averages": ANY},
    # The innermost maps are of 1x1, so that batch norm is over two values there: what follows still agrees in the first
    # network, not in the second.
    "hourglass": {"losses": 1e-2, "trained": ANY, "chaotic": "hourglass_network/1/"},
}


def bars_of(case: Case) -> Bars:
    """The bars of a case, by its folder's name and its feature extractor."""
    bars = replace(Bars(), **BY_NAME.get(case.folder.name, {}))
    for pattern, exceptions in BY_TYPE.items():
        if re.search(pattern, case.extractor):
            bars = replace(bars, **exceptions)
    return bars
