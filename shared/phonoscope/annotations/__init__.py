"""What owners say of their recordings: labels that they confirm or reject, and the files that carry these."""
