"""The kinds of wrong detections (`error_types.KINDS`) as people are told them: what the detections, or boxes, are."""

WORDS = {
    "classification": "objects taken for another class",
    "localisation": "boxes that are too far off",
    "both": "boxes near an object of another class",
    "duplicate": "objects found twice",
    "background": "detections where nothing is annotated",
    "missed": "objects that were not found",
}
