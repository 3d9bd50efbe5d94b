// What a consumer writes with the generated types: `node story.mts <url> <superadmin's e-mail> <password>`.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

declare const process: { argv: string[] };

const [url, admin, adminsPassword] = process.argv.slice(2) as [string, string, string];

// Lists are parted by commas; what the rest is, is the default.
const client = createClient<paths>({
  baseUrl: url,
  querySerializer: { array: { style: "form", explode: false } },
});

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`It does not hold that ${what}`);
}

async function signIn(email: string, password: string): Promise<{ Authorization: string }> {
  const { data, error } = await client.POST("/api/v1/auth/tokens/", { body: { email, password } });
  check(data !== undefined, `${email} can sign in: ${JSON.stringify(error)}`);
  return { Authorization: `Bearer ${data.access}` };
}

const email = `${crypto.randomUUID()}@example.com`;
const password = "a good long phrase";

const signedUp = await client.POST("/api/v1/auth/sign-up/", {
  body: { email, password, full_name: "Ada Lovelace" },
  headers: { "Idempotency-Key": crypto.randomUUID() },
});
check(signedUp.data !== undefined && "uuid" in signedUp.data, "a new user comes back");
const user: components["schemas"]["UserDTO"] = signedUp.data;

const headers = await signIn(email, password);
const me = await client.GET("/api/v1/users/me/", { headers });
check(me.data?.uuid === user.uuid && me.data.full_name === "Ada Lovelace", "it is me");
const tag = me.response.headers.get("ETag");
check(tag !== null, "a user has a tag");
const again = await client.GET("/api/v1/users/me/", { headers, params: { header: { "If-None-Match": tag } } });
check(again.response.status === 304, "what is known is not sent again");

const changed = await client.PATCH("/api/v1/users/me/", {
  headers,
  params: { header: { "If-Match": tag } },
  body: { city: "London" },
});
check(changed.data?.city === "London", "a profile can be changed");
const stale = await client.PATCH("/api/v1/users/me/", {
  headers,
  params: { header: { "If-Match": tag } },
  body: { city: "Paris" },
});
check(stale.error !== undefined && "error" in stale.error, "an error has a body");
check(stale.error.error.code === "PRECONDITION_FAILED", "nobody overwrites what they have not seen");

const page = await client.GET("/api/v1/users/", {
  headers: await signIn(admin, adminsPassword),
  params: { query: { limit: 1, sort: ["-created_at", "email"], filter: { email__ilike: email } } },
});
check(page.data?.total === 1 && page.data.items[0]?.uuid === user.uuid, "the superadmin finds the user");

const enveloped = await client.GET("/api/v2/users/me/", { headers });
check(enveloped.data?.data.uuid === user.uuid && enveloped.data.meta.version === "v2", "v2 has an envelope");

const refused = await client.GET("/api/v1/users/", { headers });
check(refused.error !== undefined && "error" in refused.error, "others are refused");
check(refused.error.error.code === "FORBIDDEN", "the error says why");
