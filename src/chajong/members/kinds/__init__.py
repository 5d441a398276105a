"""The kinds of members, a module each."""
