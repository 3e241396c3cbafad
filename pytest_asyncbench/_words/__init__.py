"""The vocabulary: values, errors, units and the clock; standard library only."""
