"""Optimizers: one module each, named like the alternative of the `Optimizer` message that it implements.

Each has `make`, which takes the variables to train and the numbers of the alternative's message. A run's code identity
covers only the optimizer in use, so none imports another; what they share is in `optimizer`.
"""
