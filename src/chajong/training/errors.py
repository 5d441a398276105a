"""What stops a training."""

from chajong.slip import SlipError


class TrainingError(SlipError, ValueError):
    """A training that cannot start or go on; the message names the setting to change."""
