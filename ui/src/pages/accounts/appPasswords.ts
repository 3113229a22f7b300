import type { AppPassword, MainPasswordScope, PolicyScope, Protocol } from "$host/host";
import { listOf } from "$lib/format";
import { protocolName } from "$lib/words/names";
import { m } from "$messages";

/** What mail programs use. */
export const mailProtocols = ["imap", "pop3", "submission", "sieve"] as const satisfies Protocol[];

/** Whether it opens nothing any more. */
export function hasExpired({ expires_at }: AppPassword, now: number): boolean {
  return expires_at !== null && Date.parse(expires_at) <= now;
}

/** Over which protocols and from where an app password opens its account. */
export function reach({ protocols, networks }: AppPassword): string {
  const isAll = mailProtocols.every((protocol) => protocols.includes(protocol));
  const what = isAll
    ? m.accounts_app_all_protocols()
    : listOf(protocols.map((protocol) => protocolName[protocol]));
  return networks.length === 0
    ? m.accounts_app_anywhere({ what })
    : m.accounts_app_from({ what, networks: networks.join(", ") });
}

/** What stands for a scope where one is chosen. */
export type ScopeKind = PolicyScope["kind"];

export function scopeFor(kind: ScopeKind, login: string): PolicyScope {
  switch (kind) {
    case "organization":
      return { kind };
    case "domain":
      return { kind, domain: login.split("@")[1] ?? "" };
    case "account":
      return { kind, login };
  }
}

/** What a scope itself says of accounts' own passwords; undefined where it says nothing. */
export function said(
  scopes: readonly MainPasswordScope[],
  scope: PolicyScope,
): boolean | undefined {
  const same = (other: PolicyScope) =>
    JSON.stringify(sorted(other)) === JSON.stringify(sorted(scope));
  return scopes.find((one) => same(one.scope))?.refused;
}

/** Whether mail programs are refused an account's own password: the closest scope decides. */
export function isRefused(scopes: readonly MainPasswordScope[], login: string): boolean {
  const closest = (["account", "domain", "organization"] as const).map((kind) =>
    said(scopes, scopeFor(kind, login)),
  );
  return closest.find((refused) => refused !== undefined) ?? false;
}

function sorted(scope: PolicyScope): [string, unknown][] {
  return Object.entries(scope).toSorted(([a], [b]) => a.localeCompare(b));
}
