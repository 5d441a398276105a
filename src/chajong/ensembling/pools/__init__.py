"""Members pooled into one distribution: four methods, fitted, chosen and weighed up."""
