"""The commands behind every claim in docs/results.md, and the check of a GPU."""
