"""Signing in through an identity provider, and the sessions of those who did."""
