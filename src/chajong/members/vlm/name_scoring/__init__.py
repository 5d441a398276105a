"""Vision-language models: a photo and a prompt in, log-probabilities of names out."""
