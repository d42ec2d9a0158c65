"""The error that tells users about their own mistakes."""


class UserError(Exception):
    """A mistake in the data, the configuration or the call. The text is one paragraph: what, where, what to do.

    It is shown as its text alone, without a traceback. Collect all mistakes of one kind and raise once.
    """
