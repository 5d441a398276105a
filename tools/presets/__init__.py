"""A dry check of presets: are they sound, and do they fit a GPU, with neither weights nor GPU."""
