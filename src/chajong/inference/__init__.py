"""Answers about new photos from trained members and from the saved ensemble."""
