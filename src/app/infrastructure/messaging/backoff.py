from random import uniform

MAX_BACKOFF_SECONDS = 300.0


def backoff(failures: int) -> float:
    """Return the seconds to wait after so many failures: growing, jittered, bounded."""
    return min(MAX_BACKOFF_SECONDS, 0.5 * 2.0 ** min(failures, 20)) * uniform(0.5, 1.0)  # noqa: S311
