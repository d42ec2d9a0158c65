"""From annotated images to a plan: what is read, decided and remembered of a data set. No TensorFlow."""
