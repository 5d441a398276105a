"""Probabilities: the prediction contract, the metric, calibration, pooling, the submission."""
