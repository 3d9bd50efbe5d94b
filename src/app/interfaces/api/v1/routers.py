from fastapi import APIRouter

from src.app.interfaces.api import health
from src.app.interfaces.api.v1.endpoints.auth import resources as auth
from src.app.interfaces.api.v1.endpoints.debug import resources as debug
from src.app.interfaces.api.v1.endpoints.users import resources as users

RESOURCES: tuple[APIRouter, ...] = (auth.router, health.versioned, users.router)
"""Every resource, in alphabetical order; each version of the API has all of them."""

FOR_DEVELOPERS: tuple[APIRouter, ...] = (debug.router,)
