"""What the three TFLite forms share: the network's conversion, the suppression behind it, and the file's metadata."""
