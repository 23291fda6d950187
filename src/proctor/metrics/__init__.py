"""What tasks use and how the service does: sampled from /proc, counted from notes."""
