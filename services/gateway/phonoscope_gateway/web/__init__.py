"""The web page, built from ``services/web`` into ``static``, which is not under version control."""
