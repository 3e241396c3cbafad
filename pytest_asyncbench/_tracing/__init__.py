"""Follow tasks: who ran when, who woke whom, and what ended each wait."""
