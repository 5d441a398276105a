"""How photos are split for training."""
