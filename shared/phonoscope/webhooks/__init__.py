"""Webhooks in gateway and courier: the rules for addresses, and the encryption of secrets."""
