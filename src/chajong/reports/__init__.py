"""What people look at: pages and charts of predictions, errors and doubtful labels."""
