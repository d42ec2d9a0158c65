"""pipeline.config: read, print, patch for a data set, override, lint, and tell what decides a training."""
