"""Optimizers: one module each, named like the alternative of the `Optimizer` message that it stands for.

Each has `make`, which takes the variables to train and the numbers of the alternative's message. Of a run's code
identity only the one in use is a part, so none imports another; what they share is in `optimizer`.
"""
