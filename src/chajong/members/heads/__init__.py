"""Light heads: features in, scores of every class out."""
