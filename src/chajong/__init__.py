"""chajong: tell look-alike car models apart from photos, with calibrated probabilities."""

__version__ = "0.1.0"
