"""CLIP trained on photos and the names of their classes."""
