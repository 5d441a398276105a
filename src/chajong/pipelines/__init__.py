"""One folder a pipeline: its nodes, its graph and its parameters."""
