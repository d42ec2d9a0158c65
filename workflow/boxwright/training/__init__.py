"""Training: schedules, optimizers, augmentation, input pipeline, and the loop from one checkpoint to the next."""
