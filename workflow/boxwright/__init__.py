"""boxwright: annotated images in, a measured and exported object detector out."""
