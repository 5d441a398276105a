"""Members: what each kind of model is, from parameters to predictions."""
