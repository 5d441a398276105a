"""What stops a training."""


class TrainingError(ValueError):
    """A training that cannot start or go on; the message names the setting to change."""
