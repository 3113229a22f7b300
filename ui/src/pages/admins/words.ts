import type { AuditFault, AuditFinding, FactorKind, Invitation, Role, Scope } from "$host/host";
import { count } from "$lib/format";
import { m } from "$messages";

export function roleWord(role: Role): string {
  switch (role) {
    case "owner":
      return m.admins_role_owner();
    case "admin":
      return m.admins_role_admin();
    case "auditor":
      return m.admins_role_auditor();
  }
}

export function roleMeaning(role: Role): string {
  switch (role) {
    case "owner":
      return m.admins_role_owner_may();
    case "admin":
      return m.admins_role_admin_may();
    case "auditor":
      return m.admins_role_auditor_may();
  }
}

export const roles = ["owner", "admin", "auditor"] as const satisfies Role[];

export function factorName(kind: FactorKind): string {
  switch (kind) {
    case "email":
      return m.admins_factor_email();
    case "authenticator":
      return m.admins_factor_authenticator();
    case "recovery_code":
      return m.admins_factor_recovery();
    case "passkey":
      return m.words_factor_passkey();
  }
}

export const scopes = ["policy", "read", "write", "mail"] as const satisfies Scope[];

export function scopeName(scope: Scope): string {
  switch (scope) {
    case "policy":
      return m.admins_scope_policy();
    case "read":
      return m.admins_scope_read();
    case "write":
      return m.admins_scope_write();
    case "mail":
      return m.admins_scope_mail();
  }
}

export function scopeMeaning(scope: Scope): string {
  switch (scope) {
    case "policy":
      return m.admins_scope_policy_may();
    case "read":
      return m.admins_scope_read_may();
    case "write":
      return m.admins_scope_write_may();
    case "mail":
      return m.admins_scope_mail_may();
  }
}

export function isExpired(invitation: Invitation, now: number): boolean {
  return Date.parse(invitation.expires_at) <= now;
}

export function faultWords({ fault, seq }: AuditFinding): string {
  const words: Record<AuditFault, () => string> = {
    altered: () => m.admins_audit_altered({ seq: count(seq) }),
    rewritten: () => m.admins_audit_rewritten({ seq: count(seq) }),
    missing: () => m.admins_audit_missing({ seq: count(seq) }),
    truncated: () => m.admins_audit_truncated({ seq: count(seq) }),
  };
  return words[fault]();
}

/** What an entry's details say, name by name. */
export function detailFacts(details: string): { name: string; value: string }[] {
  try {
    const read: unknown = JSON.parse(details);
    if (typeof read !== "object" || read === null || Array.isArray(read))
      return [{ name: m.admins_audit_details(), value: details }];
    return Object.entries(read).map(([name, value]) => ({
      name,
      value: typeof value === "string" ? value : JSON.stringify(value),
    }));
  } catch {
    return details === "" ? [] : [{ name: m.admins_audit_details(), value: details }];
  }
}
