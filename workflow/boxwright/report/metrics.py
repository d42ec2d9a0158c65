"""The names of the metrics that tables and figures show, as metrics.json has them."""

MAP50 = "DetectionBoxes_Precision/mAP@.50IOU"
MAP75 = "DetectionBoxes_Precision/mAP@.75IOU"
MAP = "DetectionBoxes_Precision/mAP"
AR100 = "DetectionBoxes_Recall/AR@100"
SIZES = {size: f"{MAP} ({size})" for size in ("small", "medium", "large")}
