"""Photos: read, prepared, kept, compared, audited, and rendered."""
