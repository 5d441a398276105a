"""Parametric cars, rendered as small photos: a sample that needs no download."""
