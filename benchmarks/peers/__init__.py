"""What this project does, and what else does it: each pair runs side by side, in turns."""
