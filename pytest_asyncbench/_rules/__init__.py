"""Which calls are known to block, in families, and which callers are let off."""
