"""The ASGI application: `uvicorn src.app.interfaces.cli.main:app`."""

from functools import partial

from src.app.config.settings import settings
from src.app.infrastructure.bootstrap import bootstrap
from src.app.interfaces.api.app import make_app

app = make_app(settings, partial(bootstrap, settings, name="api", has_deadlines=True))
