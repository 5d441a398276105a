"""What makes test material and checks presets; it is no part of the package."""
