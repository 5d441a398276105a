"""The tiny data set that these tests share."""

from tiny_predictions import classes, folds, make_member, photos, test_ids

__all__ = ["classes", "folds", "make_member", "photos", "test_ids"]
