import type { PolicyScope } from "$host/host";

/** A scope as a form holds it: what was typed for one kind is kept while another is looked at. */
export interface ScopeForm {
  kind: PolicyScope["kind"];
  domain: string;
  login: string;
}

export function scopeForm(scope: PolicyScope): ScopeForm {
  return {
    kind: scope.kind,
    domain: scope.kind === "domain" ? scope.domain : "",
    login: scope.kind === "account" ? scope.login : "",
  };
}

export function scopeOf({ kind, domain, login }: ScopeForm): PolicyScope {
  switch (kind) {
    case "organization":
      return { kind };
    case "domain":
      return { kind, domain: domain.trim().toLowerCase().replace(/^@/, "") };
    case "account":
      return { kind, login: login.trim().toLowerCase() };
  }
}

/** The scope that an address asks for. */
export function scopeAsked(query: URLSearchParams): PolicyScope {
  const login = query.get("account");
  if (login) return { kind: "account", login: login.toLowerCase() };
  const domain = query.get("domain");
  return domain ? { kind: "domain", domain: domain.toLowerCase() } : { kind: "organization" };
}

export const scopeKinds = ["organization", "domain", "account"] as const;

/** What is wrong with a part of a form: the field's name may be nested, numbered or begin with `terms.`. */
export function faultOf(
  faults: readonly { field: string; message: string }[],
  ...names: string[]
): string | undefined {
  const plain = (field: string) => field.replace(/^terms\./, "");
  return faults.find(({ field }) =>
    names.some((name) => plain(field) === name || plain(field).startsWith(`${name}.`)),
  )?.message;
}

/** Faults that stand beside none of these fields. */
export function otherFaults(
  faults: readonly { field: string; message: string }[],
  ...names: string[]
): string[] {
  return faults
    .filter((fault) => faultOf([fault], ...names) === undefined)
    .map(({ message }) => message);
}
