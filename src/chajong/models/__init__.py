"""Models: image encoders, light heads, and the checkpoints they are saved in."""
