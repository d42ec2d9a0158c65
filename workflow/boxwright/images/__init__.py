"""Image files: headers, EXIF, the one loader, drawing. All that touches pixels, and no annotation."""
