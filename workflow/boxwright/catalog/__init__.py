"""What the engine supports, each fact in one place: extractors, families, messages, formats, forms. No TensorFlow."""
