"""What the engine has, said once, by thing: feature extractors, families, messages, formats, forms. No TensorFlow."""
