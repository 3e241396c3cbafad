"""(Policy, observations) to verdict: pure functions, without a clock or a loop."""
