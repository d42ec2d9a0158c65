"""What pixels from 0 to 255 become before the network sees them, one module each, by the name in a catalogue's row.

Each has one function, `normalize(image)`: float32 [..., C] of 0 to 255, RGB where C is 3 -> float32 of the same shape.
It is linear in each channel: the preview of the training undoes it by what it makes of black and white.
"""
