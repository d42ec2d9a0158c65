"""The exit status of a command, with what a person is told where it ends early."""

import sys
from collections.abc import Callable

from boxwright.core.errors import UserError
from boxwright.core.wording import printable, shortened


def of(work: Callable[[], int | None], interrupted: str = "Interrupted.") -> int:
    """Do the work of a command; what it returns, or 0.

    A user's mistake is told and gives 1, and so does a file that cannot be read or written; a keyboard interrupt is
    told with the sentence `interrupted` and gives 130.
    """
    try:
        return work() or 0
    except UserError as error:
        print(printable(error), file=sys.stderr)
        return 1
    except OSError as error:
        if error.filename is None:  # no file's, such as that of a closed pipe
            raise
        print(printable(f"{shortened(str(error.filename))}: {error.strerror}."), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{interrupted}", file=sys.stderr)
        return 130
