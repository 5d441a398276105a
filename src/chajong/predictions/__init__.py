"""The prediction contract, the metric, calibration, cross-fitting and the submission."""
