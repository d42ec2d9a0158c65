"""Random augmentations: one module each, named like the alternative of `PreprocessingStep` that it stands for.

Each has `make`, which takes the numbers of the alternative's message and gives a pure function (example, seed) ->
example: random numbers are stateless, so a training run can continue anywhere. Of a run's code identity only those in
use are a part, so none imports another; what several share is in modules of other names: `example` (what they work
on), `window` (seeing an image through a window), `crop_rules` (random crops), `photometric` (random changes of pixels).
"""
