"""Takes memory, page by page, until it is killed for it."""

import os


def main() -> None:
    """Eat. Where nobody puts an end to it, 4 GiB are enough."""
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    eaten = [b"x" * (1 << 20) for _ in range(4096)]
    os._exit(len(eaten) > 0)


if __name__ == "__main__":
    main()
