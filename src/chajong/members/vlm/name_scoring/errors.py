"""What a person can put right about a vision-language model."""

from chajong.slip import SlipError


class VisionLanguageError(SlipError, ValueError):
    """A model, prompt or candidate that cannot be used; the message names it and the fix."""
