"""What also works without pytest: it joins engines and decisions, as the glue does."""
