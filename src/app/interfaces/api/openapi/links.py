"""Where an answer leads: from a list, or from what was made in it, to its members; and from a page to the next."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.routing import APIRoute

from src.app.interfaces.api.core.responses import link
from src.app.interfaces.api.openapi.operations import Nature
from src.app.interfaces.api.versions import ENVELOPED, name_in, version_of


def link_members(route: APIRoute, nature: Nature, operation: dict[str, Any], routes: Sequence[APIRoute]) -> None:
    """Link an operation of a collection to those of its members, and complete the links declared by hand."""
    answer = operation["responses"][str(route.status_code or 200)]
    links: dict[str, Any] = answer.setdefault("links", {})
    if nature.is_a_page or (nature.method == "POST" and nature.has_a_version):
        found = "items/0/uuid" if nature.is_a_page else "uuid"
        members = [one for one in routes if one.path == f"{route.path}{{uuid}}/"]
        links |= {one.name: link(one.name, parameters={"uuid": f"$response.body#/{found}"}) for one in members}
    if nature.is_a_page:
        links["next_page"] = link(route.name, parameters={"cursor": "$response.body#/next_cursor"})
    if not links:
        del answer["links"]
    elif version_of(route.path) == ENVELOPED:
        answer["links"] = {name: _enveloped(one) for name, one in links.items()}


def _enveloped(one: Mapping[str, Any]) -> dict[str, Any]:
    def below_data(values: Mapping[str, str]) -> dict[str, str]:
        return {name: value.replace("$response.body#/", "$response.body#/data/") for name, value in values.items()}

    changed = {key: below_data(one[key]) for key in ("parameters", "requestBody") if key in one}
    return {**one, "operationId": name_in(ENVELOPED, one["operationId"]), **changed}
