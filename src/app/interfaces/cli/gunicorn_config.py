"""`gunicorn -c src/app/interfaces/cli/gunicorn_config.py src.app.interfaces.cli.main:app`.

The number of workers is gunicorn's own: `--workers`, or the variable WEB_CONCURRENCY.
"""

from src.app.config.settings import settings

bind = f"{settings.API_HOST}:{settings.API_PORT}"
worker_class = "src.app.interfaces.cli.gunicorn_worker.Worker"
graceful_timeout = int(settings.SHUTDOWN_TIMEOUT)
timeout = 60
keepalive = 5
# Our own `TRUSTED_PROXIES` says whose X-Forwarded-For is believed.
forwarded_allow_ips = ""
