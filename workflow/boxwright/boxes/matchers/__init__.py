"""Matchers: which ground truth box each anchor should predict. One module for each kind."""
