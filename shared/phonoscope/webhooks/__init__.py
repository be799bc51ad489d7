"""What gateway and courier both need of webhooks: where events may go, and how secrets are kept."""
