"""The names, in metrics.json, of the metrics that tables and figures show."""

MAP50 = "DetectionBoxes_Precision/mAP@.50IOU"
MAP75 = "DetectionBoxes_Precision/mAP@.75IOU"
MAP = "DetectionBoxes_Precision/mAP"
AR100 = "DetectionBoxes_Recall/AR@100"
SIZES = {size: f"{MAP} ({size})" for size in ("small", "medium", "large")}
