"""TFRecord files, the tf.Example records in them, and TensorBoard's event files, without TensorFlow."""
