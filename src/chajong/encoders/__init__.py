"""Frozen image encoders: a photo in, a row of numbers out."""
