"""The documentation page over HTTP."""
