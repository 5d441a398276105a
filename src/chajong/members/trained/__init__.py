"""Models trained by the engine: their scores, predictions and checkpoints."""
