"""A sign-in in a browser, from its beginning to its end."""
