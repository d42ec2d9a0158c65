"""Errors that are written for the person who made the mistake."""


class UserError(Exception):
    """A mistake in the data, the configuration or the call, told in one paragraph: what, where, what to do.

    Whoever shows it prints the text alone, without a traceback. Collect all mistakes of one kind and raise once.
    """
