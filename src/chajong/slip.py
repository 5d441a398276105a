"""What a person can put right, kept apart from what is wrong with the program."""

from __future__ import annotations


class SlipError(Exception):
    """What a person can put right; the message says what is wrong, and what to do.

    Errors of the package that are worded for people derive from it besides from the built-in kind:
    a command answers them by their message, and shows the traceback of all others.
    """

    @property
    def message(self) -> str:
        """What a person reads, without the number that the system has for it."""
        return str(self.args[-1])


def slip_behind(error: BaseException) -> SlipError | None:
    """Find the slip that an error was raised from, None where it comes from something else."""
    while not isinstance(error, SlipError):
        if error.__cause__ is None:
            return None
        error = error.__cause__
    return error
