"""The life of PID 1: what it decides, the loop that carries it out, and smaller loops for a pod and for when all fails."""
