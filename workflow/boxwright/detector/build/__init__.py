"""From messages to parts: the one place below which no message goes."""
