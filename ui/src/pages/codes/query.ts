import type { FactorPerson } from "$host/host";
import { address } from "$lib/router.svelte";

/** Which people the list shows. */
export interface Asked {
  text: string;
  missing: boolean;
}

export function readQuery(query: URLSearchParams): Asked {
  return { text: query.get("text") ?? "", missing: query.get("show") === "missing" };
}

/** Names somebody in an address: an admin and an account may have the same login. */
export function keyOf({ who, login }: FactorPerson): string {
  return who.kind === "admin" ? `admin:${who.id}` : `account:${login}`;
}

/** The address of the list, or of somebody beside it. */
export function codesAddress({ text, missing }: Asked, person?: string): string {
  return address(["codes", ...(person ? [person] : [])], {
    text,
    show: missing ? "missing" : undefined,
  });
}
