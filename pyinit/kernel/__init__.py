"""What the kernel does for us, and what it tells: system calls, signals, processes, terminals."""
