"""Image files: headers, EXIF orientation, the one loader, drawing. Nothing here knows annotations."""
