from src.app.application.container import Container
from src.app.infrastructure.tasks.base import task


@task("say_meow")
async def say_meow(container: Container, name: str = "cat") -> str:
    """Say meow: the example to copy."""
    return f"{name} of {container.policies.project_name} says meow"
