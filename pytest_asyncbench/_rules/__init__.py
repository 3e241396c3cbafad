"""The table of calls that are known to block, and of callers that are let off."""
