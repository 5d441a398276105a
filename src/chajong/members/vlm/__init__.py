"""Vision-language models fine-tuned to name cars: questions with hints, adapters, predictions."""
