"""The errors that are shown as their text alone."""


class UserError(Exception):
    """A mistake in the data, the configuration or the call. The text is one paragraph: what, where, what to do.

    It is shown as its text alone, without a traceback. Collect all mistakes of one kind and raise once.
    """


class StoppedError(UserError):
    """The work was asked to stop (SIGTERM, SIGINT) and has saved its state, if there was any: it has not failed."""
