import type * as t from "../host";
import { challenge, fresh, now, scenario } from "./scenario";
import * as seed from "./seed";

interface Needs {
  read: <T>(answer: () => T) => Promise<T>;
  write: <T>(answer: () => T) => Promise<T>;
  problem: (code: t.Code, message: string, details?: t.Details | null) => t.Problem;
  changed: (...parts: (keyof t.DataChanged)[]) => void;
  push: (change: Partial<t.View>) => void;
}

const DAY = 86_400_000;
const HOUR = 3_600_000;
const CODE = "mci_k7qm2x9dw4hvb6nr3tz8yfcj5sgap";

const person = (
  id: string,
  name: string,
  role: t.Role,
  lastHours: number | null,
  login = `${name.toLowerCase().split(" ")[0] ?? name}@example.org`,
): t.Admin => ({
  id,
  login,
  name,
  email: login,
  role,
  reads_mail: false,
  created_at: seed.iso(now - 80 * DAY),
  last_sign_in_at: lastHours === null ? null : seed.iso(now - lastHours * HOUR),
  version: 1,
});

let admins: t.Admin[] =
  scenario === "worst"
    ? [
        seed.admin(now),
        ...seed.worstLogins.map((login, index) =>
          person(`w${index}`, "Very Long Name ".repeat(8).trim(), "auditor", index, login),
        ),
      ]
    : [
        seed.admin(now),
        person("adm2", "Anna Berger", "admin", 26),
        person("adm3", "Jonas Weiß", "auditor", null),
      ];

let invitations: t.Invitation[] = fresh
  ? []
  : [
      invitation("inv1", "chiara@example.org", "Chiara Russo", 5),
      ...(scenario === "worst"
        ? [invitation("inv2", seed.worstLogins[0] ?? "", "مدير البريد", -1)]
        : []),
    ];

function invitation(id: string, login: string, name: string, days: number): t.Invitation {
  return {
    id,
    login,
    name,
    email: login,
    role: "admin",
    created_at: seed.iso(now - 2 * DAY),
    created_by_login: "admin@example.org",
    expires_at: seed.iso(now + days * DAY),
  };
}

let keys: t.ApiKey[] = fresh
  ? []
  : [
      key("key1", "Dovecot on mx1", "policy", 0),
      key("key2", "Postfix on mx1", "policy", 0),
      key("key3", scenario === "worst" ? "Key ".repeat(30) : "Dashboard", "read", 20),
      { ...key("key4", "Old script", "write", 900), revoked_at: seed.iso(now - 5 * DAY) },
    ];

function key(id: string, name: string, scope: t.Scope, hours: number): t.ApiKey {
  return {
    id,
    name,
    scopes: [scope],
    created_at: seed.iso(now - 60 * DAY),
    created_by_login: id === "key1" ? null : "admin@example.org",
    last_used_at: seed.iso(now - hours * HOUR - 2_000),
    revoked_at: null,
  };
}

const actions = [
  ["session.begin", "MailCup Console on desk-7", '{"session":"5f1c"}'],
  ["block.create", "198.51.100.0/24", '{"id":"b1","expires_at":"2026-12-01T09:00:00Z"}'],
  ["alert.resolve", "12 failed sign-ins for anna@example.org", '{"state":"resolved"}'],
  ["account.change", "anna@example.org", "{}"],
  ["api_key.create", "Dashboard", '{"id":"key3","scopes":["read"]}'],
] as const;

const entries: t.AuditEntry[] = fresh
  ? []
  : Array.from({ length: scenario === "worst" ? 12_000 : 120 }, (_, index, total = 120) => {
      const seq = (scenario === "worst" ? 12_000 : total) - index;
      const [action, target, details] = actions[seq % actions.length] ?? actions[0];
      return {
        seq,
        at: seed.iso(now - index * 5_400_000 - 60_000),
        admin: seq % 11 === 0 ? null : "adm1",
        login:
          seq % 11 === 0
            ? null
            : scenario === "worst"
              ? (seed.worstLogins[seq % 7] ?? "")
              : "admin@example.org",
        action,
        target: scenario === "worst" && seq % 3 === 0 ? (seed.worstLogins[0] ?? target) : target,
        details,
        hash: seq.toString(16).padStart(64, "0"),
      };
    });

const isTampered = ["notices", "worst"].includes(scenario);
let standing: t.AuditStanding = {
  entries: entries.length,
  since: fresh ? null : seed.iso(now - 40 * DAY),
  checked_at: fresh ? null : seed.iso(now - 180_000),
  finding: null,
  restored: scenario === "attack" ? { at: seed.iso(now - 2 * DAY), lost: 3 } : null,
};
if (isTampered) {
  const seen = entries[40];
  standing = {
    ...standing,
    finding: {
      found_at: seed.iso(now - 180_000),
      fault: "altered",
      seq: seen?.seq ?? 1,
      seen: seen ?? null,
      told: seen ? { ...seen, login: "somebody@example.org", target: "203.0.113.7" } : null,
    },
  };
}

export function adminCommands({ read, write, problem, changed, push }: Needs) {
  const grant = (invited: t.Invitation): t.InvitationGrant => ({
    invitation: invited,
    code: scenario === "relay" ? null : CODE,
  });
  const one = (id: string): t.Admin => {
    const found = admins.find((admin) => admin.id === id);
    if (!found) throw problem("not_found", "There is no such admin.");
    return found;
  };
  const device = (id: string, name: string, current: boolean): t.Session => ({
    id,
    device: { id: `device-${id}`, name },
    address: scenario === "worst" ? "2001:db8:1111:2222:3333:4444:5555:6666" : "203.0.113.24",
    created_at: seed.iso(now - 9 * DAY),
    last_seen_at: seed.iso(now - 300_000),
    expires_at: seed.iso(now + 60 * DAY),
    current,
  });

  return {
    admins: () => read(() => admins),
    adminAccess: (id: string): Promise<t.AdminAccess> =>
      read(() => ({
        factors: seed.factors(now),
        sessions:
          id === "adm3"
            ? []
            : [
                device("s1", "MailCup Console on desk-7", id === "adm1"),
                device("s2", "MailCup Console on laptop", false),
              ],
      })),
    changeAdmin: (id: string, change: t.AdminChange, version: number) =>
      write(() => {
        const before = one(id);
        if (before.version !== version) throw problem("stale", "Somebody changed this meanwhile.");
        const after = {
          ...before,
          role: change.role ?? before.role,
          reads_mail: change.reads_mail ?? before.reads_mail ?? false,
          version: version + 1,
        };
        admins = admins.map((admin) => (admin.id === id ? after : admin));
        changed("settings");
        return after;
      }),
    removeAdmin: (id: string) =>
      write(() => {
        admins = admins.filter((admin) => admin.id !== one(id).id);
        changed("settings");
        return null;
      }),
    endSessions: () => write(() => null),
    invitations: () => read(() => invitations),
    invite: (wanted: t.NewInvitation) =>
      write(() => {
        if (!wanted.login.trim() || /\s/.test(wanted.login.trim()))
          throw problem("invalid", "A login has 1 to 254 characters without blanks.", {
            kind: "fields",
            fields: [
              { field: "login", message: "A login has 1 to 254 characters without blanks." },
            ],
          });
        const made = { ...invitation(`inv${Date.now()}`, wanted.login, wanted.name, 7), ...wanted };
        invitations = [made, ...invitations];
        changed("settings");
        return grant(made);
      }),
    resendInvitation: (id: string) =>
      write(() => {
        const found = invitations.find((it) => it.id === id);
        if (!found) throw problem("not_found", "There is no such invitation.");
        return grant(found);
      }),
    revokeInvitation: (id: string) =>
      write(() => {
        invitations = invitations.filter((it) => it.id !== id);
        changed("settings");
        return null;
      }),
    acceptInvitation: ({ code }: t.InvitationAnswer): Promise<t.SignInStep> => {
      if (!code.startsWith("mci_"))
        return Promise.reject<t.SignInStep>(
          problem("invalid", "This code is wrong or over.", {
            kind: "fields",
            fields: [{ field: "code", message: "This code is wrong or over." }],
          }) as unknown as Error,
        );
      push({ phase: { kind: "sign_in", challenge } });
      return Promise.resolve({ kind: "challenge", ...challenge });
    },
    apiKeys: () => read(() => keys),
    createApiKey: ({ name, scopes }: t.NewApiKey): Promise<t.ApiKeyGrant> =>
      write(() => {
        if (!name.trim())
          throw problem("invalid", "A name has 1 to 120 characters.", {
            kind: "fields",
            fields: [{ field: "name", message: "A name has 1 to 120 characters." }],
          });
        const made = {
          ...key(`key${Date.now()}`, name, scopes[0] ?? "read", 0),
          last_used_at: null,
        };
        keys = [made, ...keys];
        return { key: made, secret: "mck_k7qm2x9dw4hvb6nr3tz8yfcj5sgapk7qm2x9dw4hvb" };
      }),
    revokeApiKey: (id: string) =>
      write(() => {
        keys = keys.map((it) => (it.id === id ? { ...it, revoked_at: seed.iso(Date.now()) } : it));
        changed("settings");
        return null;
      }),
    audit: ({ text = "", offset = 0, limit }: t.AuditQuery) =>
      read(() => {
        const words = text.toLowerCase().split(/\s+/).filter(Boolean);
        const found = entries.filter(({ login, action, target, details }) => {
          const all = `${login ?? ""} ${action} ${target} ${details}`.toLowerCase();
          return words.every((word) => all.includes(word));
        });
        return { entries: found.slice(offset, offset + limit), total: found.length };
      }),
    auditStanding: () => read(() => standing),
    checkAudit: () =>
      write(() => {
        standing = { ...standing, checked_at: seed.iso(Date.now()) };
        changed("settings");
        return null;
      }),
    trustAudit: () =>
      write(() => {
        standing = { ...standing, finding: null, since: seed.iso(Date.now()) };
        changed("settings");
        return null;
      }),
  };
}
