"""Meters: each measures a recording in one decoding pass, in constant memory."""
