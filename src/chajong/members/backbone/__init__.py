"""Photo classifiers on a timm backbone, alone or helped by the names of the classes."""
