"""What Prometheus learns of this process."""

from prometheus_client import Counter, Histogram

REQUEST_SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time from the first byte of a request to the last of its answer",
    ("method", "route", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
DEPRECATED_REQUESTS = Counter(
    "http_deprecated_requests_total",
    "Requests that used what is to go; the lines of these requests in the log say who made them",
    ("method", "route", "what"),
)
