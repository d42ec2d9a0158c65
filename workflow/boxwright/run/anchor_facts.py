"""How well the anchors of a configuration match the boxes of a data set, by some of its training images."""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from google.protobuf.message import Message

from boxwright.catalog.findings import Facts
from boxwright.dataset import manifest
from boxwright.dataset.samples import Sample
from boxwright.dataset.split import TRAIN
from boxwright.pipeline import anchor_proposal, coverage
from boxwright.pipeline.lint import unmatched

# Images whose boxes are compared with the anchors.
LOOKED_AT = 200


def some_samples(plan: str | os.PathLike) -> list[Sample]:
    """Some samples of the training side, spread over those in a plan's folder."""
    lists = manifest.of_side(plan, TRAIN)
    return [sample for path in lists for sample in manifest.some(path, max(LOOKED_AT // len(lists), 1))]


def of(config: Message, boxes: tuple[np.ndarray, np.ndarray], classes: Sequence[str]) -> dict[str, Any]:
    """The facts about the anchors of a configuration; a proposal is sought only where they match too few boxes.

    boxes: as `coverage.boxes_of` gives them; classes: the class of each.
    """
    facts = _matched(config, boxes, classes)
    if facts and unmatched(Facts(**facts)):
        counts = dict(sorted(Counter(classes).items()))
        facts["anchor_proposal"] = anchor_proposal.told(anchor_proposal.propose(config, *boxes, classes), counts)
    return facts


def missed(config: Message, samples: Sequence[Sample]) -> str:
    """That the anchors of a configuration match too few boxes of some samples, a clause; "" if they match enough."""
    classes = [box.class_name for sample in samples for box in sample.boxes]
    return unmatched(Facts(**_matched(config, coverage.boxes_of(samples), classes)))


def _matched(config: Message, boxes: tuple[np.ndarray, np.ndarray], classes: Sequence[str]) -> dict[str, Any]:
    """How many boxes some anchor matches, in all and by class; empty if the anchors are not known."""
    met = anchor_proposal.met(config, *boxes, classes) if classes else None
    if met is None:
        return {}
    counts = dict(sorted(Counter(classes).items()))
    return {
        "anchor_coverage": sum(met.values()) / len(classes),
        "anchor_classes": {name: (met[name], count) for name, count in counts.items()},
    }
