"""What a consumer writes with the generated client: `python story.py <url> <superadmin's e-mail> <password>`."""

import sys
from uuid import uuid4

from allium_client import AuthenticatedClient, Client
from allium_client.api.auth import sign_in, sign_up
from allium_client.api.users import get_me, get_me_v2, list_users, update_me
from allium_client.models import ErrorBody, Profile, SignIn, SignUp, TokensDTO, UserDTO, UserDTOPage

url, admin, admins_password = sys.argv[1:]
client = Client(base_url=url)


def signed_in(email: str, password: str) -> AuthenticatedClient:
    tokens = sign_in.sync(client=client, body=SignIn(email=email, password=password))
    assert isinstance(tokens, TokensDTO), tokens
    return AuthenticatedClient(base_url=url, token=tokens.access)


email = f"{uuid4()}@example.com"
password = "a good long phrase"

user = sign_up.sync(
    client=client,
    body=SignUp(email=email, password=password, full_name="Ada Lovelace"),
    idempotency_key=str(uuid4()),
)
assert isinstance(user, UserDTO), user

mine = signed_in(email, password)
me = get_me.sync_detailed(client=mine)
assert isinstance(me.parsed, UserDTO)
assert (me.parsed.uuid, me.parsed.full_name) == (user.uuid, "Ada Lovelace")
tag = me.headers["ETag"]
assert get_me.sync_detailed(client=mine, if_none_match=tag).status_code == 304

changed = update_me.sync(client=mine, body=Profile(city="London"), if_match=tag)
assert isinstance(changed, UserDTO)
assert changed.city == "London"
stale = update_me.sync(client=mine, body=Profile(city="Paris"), if_match=tag)
assert isinstance(stale, ErrorBody)
assert stale.error.code == "PRECONDITION_FAILED"

admins = signed_in(admin, admins_password)
page = list_users.sync(client=admins, limit=1)
assert isinstance(page, UserDTOPage)
assert len(page.items) == 1
# The generator does not know parameters that are objects or lists parted by commas; the models serve all the same.
found = admins.get_httpx_client().get(
    "/api/v1/users/", params={"filter[email__ilike]": email, "sort": "-created_at,email"}
)
assert [item.uuid for item in UserDTOPage.from_dict(found.json()).items] == [user.uuid]

enveloped = get_me_v2.sync(client=mine)
assert enveloped is not None
assert not isinstance(enveloped, ErrorBody)
assert (enveloped.data.uuid, enveloped.meta.version) == (user.uuid, "v2")

refused = list_users.sync(client=mine)
assert isinstance(refused, ErrorBody)
assert refused.error.code == "FORBIDDEN"
