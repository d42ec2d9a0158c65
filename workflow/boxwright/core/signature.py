"""The names of an exported detector's input and outputs, as in the OD API."""

# uint8 [B, H, W, 3], images of any size.
INPUT = "image_tensor"
# string [B], the bytes of image files.
ENCODED = "encoded_image_string_tensor"
# All float32; boxes are [ymin, xmin, ymax, xmax] normalised to 0..1, classes count from 1.
OUTPUTS = (
    "detection_boxes",
    "detection_scores",
    "detection_classes",
    "detection_multiclass_scores",
    "num_detections",
    "raw_detection_boxes",
    "raw_detection_scores",
)
# Those of them that are there before suppression, for all anchors or proposals.
RAW_OUTPUTS = ("raw_detection_boxes", "raw_detection_scores")
