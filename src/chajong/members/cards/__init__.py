"""Model cards: what saved models are, how good, and where their weights come from."""
