"""The names of all metrics, the OD API's if it has the metric. They are known before anything is measured."""

import unicodedata
from collections.abc import Iterable

PRECISION = "DetectionBoxes_Precision/"
RECALL = "DetectionBoxes_Recall/"
PER_CLASS = "DetectionBoxes_PerformanceByCategory/mAP/"
# The OD API's names under eval_config.all_metrics_per_category.
PER_CLASS_50 = "DetectionBoxes_Precision mAP@.50IOU ByCategory/"
PER_CLASS_AR = "DetectionBoxes_Recall AR@100 ByCategory/"

# Name, whether it reads precision (else recall), IoU threshold (None: mean over .50:.05:.95), area range, detections
# per image.
COCO_NUMBERS = (
    (PRECISION + "mAP", True, None, "all", 100),
    (PRECISION + "mAP@.50IOU", True, 0.5, "all", 100),
    (PRECISION + "mAP@.75IOU", True, 0.75, "all", 100),
    (PRECISION + "mAP (small)", True, None, "small", 100),
    (PRECISION + "mAP (medium)", True, None, "medium", 100),
    (PRECISION + "mAP (large)", True, None, "large", 100),
    (RECALL + "AR@1", False, None, "all", 1),
    (RECALL + "AR@10", False, None, "all", 10),
    (RECALL + "AR@100", False, None, "all", 100),
    (RECALL + "AR@100 (small)", False, None, "small", 100),
    (RECALL + "AR@100 (medium)", False, None, "medium", 100),
    (RECALL + "AR@100 (large)", False, None, "large", 100),
)

PASCAL_MEAN = "PascalBoxes_Precision/mAP@0.5IOU"
PASCAL_PER_CLASS = "PascalBoxes_PerformanceByCategory/AP@0.5IOU/"
PASCAL_MEAN_07 = "PascalBoxes_Precision/mAP@0.5IOU (VOC07)"
PASCAL_PER_CLASS_07 = "PascalBoxes_PerformanceByCategory/AP@0.5IOU (VOC07)/"


def of_pascal_class(prefix: str, name: str) -> str:
    """The name of a class's VOC metric; the OD API normalises the class's name there (NFKD)."""
    return prefix + unicodedata.normalize("NFKD", name)


def of_classes(classes: Iterable[str]) -> list[str]:
    """The names of all metrics in the evaluation of a detector of these classes."""
    classes = list(classes)
    coco = [prefix + name for name in classes for prefix in (PER_CLASS, PER_CLASS_50, PER_CLASS_AR)]
    pascal = []
    for mean, prefix in ((PASCAL_MEAN, PASCAL_PER_CLASS), (PASCAL_MEAN_07, PASCAL_PER_CLASS_07)):
        pascal += [mean, *(of_pascal_class(prefix, name) for name in classes)]
    return [*(name for name, *_ in COCO_NUMBERS), *coco, *pascal]
