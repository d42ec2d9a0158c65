"""Random augmentations: one module each, named like the alternative of `PreprocessingStep` that it implements.

Each has `make`, which takes the numbers of the alternative's message and returns a pure function (example, seed) ->
example: random numbers are stateless, so a training run can continue anywhere. A run's code identity covers only the
augmentations in use, so none imports another. What several share is in modules of other names: `example` (the data),
`chance` (a change for a share of the images), `window` (seeing an image through a window), `crop_rules` (random crops),
`aspect_ratio_of`, `padding`, `resizing` and `photometric` (random changes of pixels).
"""
