"""Finds limits of a pipeline configuration that the fullest image of the data set exceeds."""

import functools
from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.families import FAMILIES
from boxwright.catalog.findings import Facts, Finding
from boxwright.protos import model_of

# COCO's metrics look at no more detections of an image than this, the ones with the best scores.
MOST_OF_COCO = 100


def _training(config: Message, facts: Facts) -> Iterator[Finding]:
    limit = config.train_input_reader.max_number_of_boxes
    if facts.max_boxes is not None and limit < facts.max_boxes:
        why = f"a training image has {facts.max_boxes} boxes; those beyond the limit are not learned"
        yield Finding("warning", "too-few-boxes", "train_input_reader.max_number_of_boxes", limit, why, facts.max_boxes)


def _detections(config: Message, facts: Facts) -> Iterator[Finding]:
    """The limits on what a detector gives for one image, which hold in evaluation, export and prediction."""
    model, name = model_of(config)
    if name not in FAMILIES:
        return
    of_all, of_class, family = facts.max_objects, facts.max_objects_of_class, FAMILIES[name]
    limits = []
    if family.always_suppresses or model.HasField(family.post_processing):
        path = f"{family.post_processing}.batch_non_max_suppression"
        limits += [
            (f"{path}.max_total_detections", of_all, "boxes"),
            (f"{path}.max_detections_per_class", of_class, "boxes of one class"),
        ]
    if family.most_detections:
        limits.append((family.most_detections, of_all, "boxes"))
    for field, most, what in limits:
        limit = functools.reduce(getattr, field.split("."), model)
        # The schema's default, 0, and negative numbers are refused elsewhere.
        if most is not None and 0 < limit < most:
            why = f"an image of the data set has {most} {what}, and the detector finds no more than the limit"
            yield Finding("warning", "too-few-detections", f"model.{name}.{field}", limit, why, most)
    if name == "faster_rcnn" and of_all is not None and 0 < model.first_stage_max_proposals < of_all:
        field, limit = f"model.{name}.first_stage_max_proposals", model.first_stage_max_proposals
        why = f"an image of the data set has {of_all} boxes, and the second stage sees no more than the limit"
        yield Finding("warning", "too-few-proposals", field, limit, why, of_all)


def _coco(config: Message, facts: Facts) -> Iterator[Finding]:
    if facts.max_measured is not None and facts.max_measured > MOST_OF_COCO:
        why = (
            f"an evaluation image has {facts.max_measured} boxes, and COCO's metrics count {MOST_OF_COCO} detections "
            "an image, so recall and average precision stay below 1 even if all are found; to count all, cut the "
            "images into smaller pieces"
        )
        yield Finding("warning", "beyond-coco", "eval_config.metrics_set", _metrics(config), why)


def _metrics(config: Message) -> str | None:
    return ", ".join(config.eval_config.metrics_set) or None


RULES = (_training, _detections, _coco)
