"""Class names: their grammar, lexicon, aliases, prompts and embeddings."""
