"""Run coroutines side by side, and give back what each of them came to."""
