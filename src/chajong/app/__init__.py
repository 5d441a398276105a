"""The page: drop a photo, read its model, see why, and search by photo or by words."""
