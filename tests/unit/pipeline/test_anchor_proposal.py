"""Anchors that meet more boxes are proposed, with a count of what they meet."""

import numpy as np
import pytest
from tests.factories import SSD_PARTS

from boxwright.catalog.findings import Facts
from boxwright.pipeline import anchor_proposal, coverage, overrides, text
from boxwright.pipeline.lint import COVERAGE, accept, lint

SSD = f"""model {{ ssd {{ num_classes: 2 feature_extractor {{ type: "ssd_mobilenet_v1" }} {SSD_PARTS} }} }}
train_config {{ batch_size: 8 optimizer {{ adam_optimizer {{ learning_rate {{ constant_learning_rate {{ }} }} }} }} }}
"""
GENERATOR = "model.ssd.anchor_generator.ssd_anchor_generator"


@pytest.fixture
def config():
    config = text.parse(SSD)
    overrides.apply(config, {f"{GENERATOR}.aspect_ratios": [1.0, 2.0, 0.5], f"{GENERATOR}.num_layers": 6})
    return config


def boxes_of(*shapes, number=40, seed=0):
    """Boxes of some (height, width) as shares of an image of 300x300, each at random places."""
    rng = np.random.default_rng(seed)
    sides = np.repeat(np.array(shapes, float), number, axis=0)
    corners = rng.uniform(0, 1 - sides)
    return np.concatenate([corners, corners + sides], axis=1), np.full((len(sides), 2), 300)


def test_long_boxes_get_long_anchors(config):
    boxes, images = boxes_of((0.5, 0.06), (0.4, 0.4))
    classes = ["pole"] * 40 + ["face"] * 40
    before = anchor_proposal.met(config, boxes, images, classes)
    assert before["pole"] < 10 and before["face"] > 30
    proposal = anchor_proposal.propose(config, boxes, images, classes)
    assert len(proposal.overrides[f"{GENERATOR}.aspect_ratios"]) == 3
    assert len(proposal.overrides[f"{GENERATOR}.scales"]) == 6
    assert min(proposal.overrides[f"{GENERATOR}.aspect_ratios"]) < 0.3
    assert proposal.met["pole"] > before["pole"] + 10
    # It counts what its overrides meet.
    overrides.apply(config, proposal.overrides)
    assert anchor_proposal.met(config, boxes, images, classes) == proposal.met


def test_small_boxes_need_a_larger_input(config):
    boxes, images = boxes_of((0.05, 0.05))
    proposal = anchor_proposal.propose(config, boxes, images, ["dot"] * 40)
    assert proposal.overrides["model.ssd.image_resizer.fixed_shape_resizer.height"] == 448


def test_where_anchors_meet_all_boxes_nothing_is_proposed(config):
    boxes, images = boxes_of((0.4, 0.4))
    assert anchor_proposal.propose(config, boxes, images, ["face"] * 40) is None


def test_clusters_are_those_of_the_boxes():
    sides = np.array([[10.0, 10.0]] * 5 + [[50.0, 25.0]] * 9 + [[200.0, 210.0]] * 3)
    np.testing.assert_allclose(anchor_proposal._clusters(sides, 3), [[10, 10], [50, 25], [200, 210]])
    assert anchor_proposal._clusters(sides[:1], 4).shape == (4, 2)


@pytest.mark.parametrize("template", ["faster_rcnn_resnet50", "ssd_mobilenet_v2_fpnlite_320", "efficientdet_d0"])
def test_other_generators(template):
    config = text.read(f"config/pipelines/{template}.config")
    boxes, images = boxes_of((0.03, 0.03), (0.5, 0.5))
    classes = ["dot"] * 40 + ["face"] * 40
    before = anchor_proposal.met(config, boxes, images, classes)
    proposal = anchor_proposal.propose(config, boxes, images, classes)
    assert proposal is None or sum(proposal.met.values()) > sum(before.values())


def test_anchors_that_are_not_known_have_no_proposal():
    config = text.parse("model { ssd { feature_extractor { type: 'ssd_nothing_like_it' } } }")
    boxes, images = boxes_of((0.4, 0.4))
    assert anchor_proposal.met(config, boxes, images, ["x"] * 40) is None
    assert anchor_proposal.propose(config, boxes, images, ["x"] * 40) is None


def of_coverage(config, facts, meant=()):
    return [one for one in accept(lint(config, facts), list(meant)) if one.rule == COVERAGE]


def test_a_class_that_anchors_miss_is_told_though_most_boxes_match(config):
    facts = Facts(anchor_coverage=0.93, anchor_classes={"RBC": (900, 900), "Platelets": (12, 80), "rare": (0, 9)})
    (found,) = of_coverage(config, facts)
    assert "only 93% of the boxes match an anchor at IoU 0.5 (Platelets 12 of 80); the others" in found.why
    assert "rare" not in found.why and found.level == "warning"
    assert not of_coverage(config, Facts(anchor_coverage=0.93, anchor_classes={"RBC": (900, 950)}))


def test_an_override_of_the_anchors_is_judged_too(config):
    (found,) = of_coverage(config, Facts(anchor_coverage=0.2), meant=[f"{GENERATOR}.scales"])
    assert found.level == "warning"


def test_a_part_of_the_images_is_told_as_a_part(config):
    (found,) = of_coverage(config, Facts(anchor_coverage=0.2, anchor_images=(200, 4000)))
    assert "only 20% of the boxes of 200 of the 4,000 training images match an anchor at IoU 0.5; the" in found.why


def test_a_proposal_in_words():
    proposal = anchor_proposal.Proposal({"a.scales": [0.1, 0.2]}, {"cat": 9, "dog": 1})
    assert anchor_proposal.told(proposal, {"cat": 10, "dog": 5}) == (
        "with `overrides: {a.scales: [0.1, 0.2]}` 10 of 15 would (cat 9 of 10, dog 1 of 5), which is no promise of a "
        "higher AP: train both and compare"
    )
    assert anchor_proposal.told(None, {}) == ""
    assert coverage.MEETS == 0.5
