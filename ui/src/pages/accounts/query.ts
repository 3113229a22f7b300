import type { AccountOrder, AccountQuery, AccountState } from "$host/host";
import { address } from "$lib/router.svelte";

/** Which accounts, and in what order. */
export type Asked = Omit<AccountQuery, "offset" | "limit">;

export const orders = [
  "login",
  "name",
  "last_sign_in",
  "networks",
  "failed",
  "refused",
] as const satisfies AccountOrder[];
export const states = ["alert", "blocked", "dormant"] as const satisfies AccountState[];

/** What an address asks for. */
export function readQuery(query: URLSearchParams): Asked {
  const order = orders.find((known) => known === query.get("order")) ?? "login";
  return {
    text: query.get("text") ?? "",
    state: states.find((known) => known === query.get("state")) ?? null,
    order,
    descending: query.has("order") ? query.get("way") !== "up" : false,
  };
}

/** The address of the list, or of one account beside it. */
export function accountsAddress(asked: Asked, login?: string): string {
  return address(["accounts", ...(login ? [login] : [])], {
    text: asked.text ?? "",
    state: asked.state ?? undefined,
    order: asked.order === "login" && !asked.descending ? undefined : asked.order,
    way: asked.order !== "login" && asked.descending === false ? "up" : undefined,
  });
}
