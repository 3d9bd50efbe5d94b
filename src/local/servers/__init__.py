"""Real servers as child processes: start, stop, kill, and start again on the same data."""

from src.local.servers.kafka import Noida, Tansu
from src.local.servers.postgresql import PostgreSQL
from src.local.servers.rabbitmq import RabbitMQ
from src.local.servers.server import Server, ServerError
from src.local.servers.valkey import Valkey

__all__ = ["Noida", "PostgreSQL", "RabbitMQ", "Server", "ServerError", "Tansu", "Valkey"]
