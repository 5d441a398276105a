"""Search: photos like a photo, photos for words, and how well that works."""
