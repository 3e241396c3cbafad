"""Watch a test: all instruments around it, the thread that looks, and its deadline."""
