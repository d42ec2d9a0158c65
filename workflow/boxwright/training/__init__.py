"""Training: schedules, optimizers, augmentation, input pipeline, and the loop that makes one checkpoint of the last."""
