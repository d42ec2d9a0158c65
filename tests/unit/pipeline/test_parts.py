"""From messages to parts: by name, with the numbers of the schema's fields."""

import inspect

import pytest

from boxwright import protos
from boxwright.core.errors import UserError
from boxwright.pipeline import parts, text

# Rooms below which a test can look: they are light, or the tests start TensorFlow anyway.
MESSAGES = (
    "AnchorGenerator",
    "BoxCoder",
    "ClassificationLoss",
    "ImageResizer",
    "LocalizationLoss",
    "Matcher",
)


def test_a_part_gets_the_numbers_that_it_takes():
    coder = parts.make(text.parse("faster_rcnn_box_coder { y_scale: 2 }", kind="BoxCoder"))
    assert (coder.y_scale, coder.x_scale) == (2, 10)
    # `anchorwise_output` is a field that the loss does not take.
    loss = parts.make(text.parse("weighted_smooth_l1 { anchorwise_output: true delta: 3 }", kind="LocalizationLoss"))
    assert loss.function.keywords == {"delta": 3}


def test_a_field_that_is_not_set_and_has_no_default_is_left_out():
    assert parts.make(text.parse("weighted_sigmoid_focal {}", kind="ClassificationLoss")).keywords["alpha"] is None
    loss = parts.make(text.parse("weighted_sigmoid_focal { alpha: 0.25 }", kind="ClassificationLoss"))
    assert loss.keywords == {"gamma": 2, "alpha": 0.25}


def test_a_default_stands_in_where_nothing_is_chosen():
    message = protos.ClassificationLoss()
    assert parts.make(message, default="weighted_softmax").keywords == {"logit_scale": 1}
    message.weighted_softmax.logit_scale = 2
    assert parts.make(message, default="weighted_sigmoid").keywords == {"logit_scale": 2}


@pytest.mark.parametrize(
    ("kind", "written", "error"),
    [
        (
            "AnchorGenerator",
            "",
            r"anchor_generator_oneof is not set\. Supported: grid_anchor_generator, ssd_anchor_gen",
        ),
        (
            "BoxCoder",
            "keypoint_box_coder {}",
            r"keypoint_box_coder is not supported\. Supported: faster_rcnn_box_coder",
        ),
    ],
)
def test_what_cannot_be_made_is_an_error(kind, written, error):
    with pytest.raises(UserError, match=error):
        parts.make(text.parse(written, kind=kind))


def test_fill_takes_more_than_the_message_has():
    def function(height, width, more, less=5):
        return height, width, more, less

    message = text.parse("height: 7", kind="FixedShapeResizer")
    assert parts.fill(function, message, more=1) == (7, 300, 1, 5)


def test_the_parts_in_use_are_named():
    written = "ssd { box_coder { mean_stddev_box_coder {} } loss { localization_loss { weighted_l2 {} } } }"
    found = set(parts.in_use(text.parse(written, kind="DetectionModel")))
    assert found == {"boxwright.boxes.coders.mean_stddev_box_coder", "boxwright.boxes.losses.weighted_l2"}


@pytest.mark.parametrize("kind", MESSAGES)
def test_every_part_can_be_made_and_takes_fields_of_its_message_alone(kind):
    message = text.parse("", kind=kind)
    for name in parts.available(message):
        chosen = text.parse(f"{name} {{}}", kind=kind)
        assert parts.make(chosen) is not None
        make = __import__(parts.module_of(message, name), fromlist=["make"]).make
        fields = getattr(chosen, name).DESCRIPTOR.fields_by_name
        assert set(inspect.signature(make).parameters) <= set(fields), name
