"""The families of detectors by the name of their field in `model { }`: the facts that need none of their code."""

from typing import NamedTuple


class Family(NamedTuple):
    """Facts about a family, and the names of fields in its message.

    anchor_generator: the field with its `AnchorGenerator`; "" for a family without anchors.
    box_predictor: the field with its `BoxPredictor`; "" if the family has none.
    post_processing: the field with the settings that turn predictions into detections; the loss does not depend on it.
    always_suppresses: whether overlapping detections are removed even if `post_processing` is not set.
    most_detections: the path of a field that limits the detections of an image before any suppression; "" if there is
        none. The loss does not depend on it.
    detecting: further fields that the loss does not depend on.
    titles: its common names, as in the model zoo, the usual one first, and of families of which it trains the boxes.
    border_anchors: whether training uses anchors that cross the image's border; if not, they are left out of training
        or clipped, as `clip_anchors_to_image` says.
    """

    name: str
    titles: tuple[str, ...]
    post_processing: str
    anchor_generator: str = ""
    box_predictor: str = ""
    border_anchors: bool = True
    always_suppresses: bool = True
    most_detections: str = ""
    detecting: tuple[str, ...] = ()

    @property
    def not_in_losses(self) -> tuple[str, ...]:
        """The paths of all fields that the loss does not depend on."""
        return tuple(filter(None, (self.post_processing, self.most_detections, *self.detecting)))


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            name="ssd",
            titles=("SSD",),
            anchor_generator="anchor_generator",
            box_predictor="box_predictor",
            post_processing="post_processing",
        ),
        Family(
            name="faster_rcnn",
            titles=("Faster R-CNN", "R-FCN", "Mask R-CNN"),
            anchor_generator="first_stage_anchor_generator",
            box_predictor="second_stage_box_predictor",
            post_processing="second_stage_post_processing",
            border_anchors=False,
        ),
        Family(
            name="center_net",
            titles=("CenterNet",),
            post_processing="post_processing",
            always_suppresses=False,
            most_detections="object_center_params.max_box_predictions",
            detecting=("object_center_params.peak_max_pool_kernel_size",),
        ),
    )
}
