"""The fit of anchors as numbers, as a table and drawn."""

from google.protobuf import text_format

from boxwright import protos
from boxwright.dataset.samples import Box, Sample
from boxwright.report import anchors

from .made_up import texts

# On an input of 100 x 100 the anchors are squares of 25, 50 and 100 pixels on grids of 7 x 7 and 4 x 4.
CONFIG = text_format.Parse(
    """
    model { ssd { num_classes: 2
      image_resizer { fixed_shape_resizer { height: 100 width: 100 } }
      feature_extractor { type: "ssd_mobilenet_v1" num_layers: 2 }
      anchor_generator { ssd_anchor_generator { num_layers: 2 scales: [0.25, 0.5] aspect_ratios: [1]
        interpolated_scale_aspect_ratio: 0 reduce_boxes_in_lowest_layer: false } } } }
    """,
    protos.TrainEvalPipelineConfig(),
)


def sample(name, *boxes):
    return Sample(name, name, "", 200, 200, "jpeg", (), tuple(Box(*box) for box in boxes))


SAMPLES = [
    sample("a.jpg", ("cat", 75, 75, 125, 125), ("dog", 0, 100, 200, 104)),
    sample("b.jpg", ("dog", 10, 10, 14, 14)),
    sample("c.jpg"),
]


def test_boxes_that_no_anchor_matches_are_counted_and_listed():
    found, table = anchors.measure(CONFIG, SAMPLES)
    assert (found["images"], found["boxes"], found["covered"]) == (3, 3, 1)
    assert found["classes"] == {"cat": {"boxes": 1, "covered": 1}, "dog": {"boxes": 2, "covered": 0}}
    assert found["sides"] == [[25.0, 25.0], [2.0, 100.0], [2.0, 2.0]]
    assert found["iou"][0] == 1.0  # one of 7 x 7 places is the middle
    assert found["anchors"] == [[25.0, 25.0], [50.0, 50.0]]
    head, *lines = table.splitlines()
    assert head == anchors.HEAD.strip()
    assert [line.split("\t")[:6] for line in lines] == [
        ["b.jpg", "dog", "4", "4", "2.0", "2.0"],
        ["a.jpg", "dog", "200", "4", "100.0", "2.0"],
    ]
    assert all(float(line.split("\t")[6]) < 0.5 for line in lines)


def test_the_figure_says_both_numbers():
    found, _ = anchors.measure(CONFIG, SAMPLES)
    said = texts(anchors.fit(found, "small"))
    assert "33.3% of the boxes match an anchor of small" in said
    assert "matched by an anchor (1)" in said and "matched by none (2)" in said


def test_of_many_boxes_few_are_drawn():
    many = [sample(f"{number}.jpg", *[("cat", 75, 75, 125, 125)] * 10) for number in range(500)]
    found, table = anchors.measure(CONFIG, many)
    assert found["boxes"] == found["covered"] == 5000 and table == anchors.HEAD
    assert len(anchors.fit(found, "small")) < 200_000


def test_no_box_is_said():
    found, table = anchors.measure(CONFIG, [])
    assert found["boxes"] == 0 and table == anchors.HEAD
    assert "no box" in texts(anchors.fit(found, "small"))[0]
