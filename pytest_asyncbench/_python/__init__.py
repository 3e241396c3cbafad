"""What is known of the interpreter and the kernel: stacks, threads, collections."""
