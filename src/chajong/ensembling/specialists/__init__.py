"""Small heads that tell the look-alike classes of one family apart."""
