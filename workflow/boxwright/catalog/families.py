"""The families of detectors, by the name of their field in `model { }`: what is known of them without their code."""

from typing import NamedTuple


class Family(NamedTuple):
    """What a family's message calls its things.

    anchor_generator: the field that holds its `AnchorGenerator`.
    post_processing: the field of what makes detections out of predictions; no loss sees it.
    title: what people call it, as the model zoo does.
    border_anchors: whether anchors that reach over the image's border are learned from; if not, they are left out of
        training or clipped, as `clip_anchors_to_image` says.
    """

    name: str
    title: str
    anchor_generator: str
    post_processing: str
    border_anchors: bool = True


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(name="ssd", title="SSD", anchor_generator="anchor_generator", post_processing="post_processing"),
        Family(
            name="faster_rcnn",
            title="Faster R-CNN",
            anchor_generator="first_stage_anchor_generator",
            post_processing="second_stage_post_processing",
            border_anchors=False,
        ),
    )
}
