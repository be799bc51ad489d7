"""The queues over HTTP."""
