import type * as t from "../host";
import { fresh, now, scenario } from "./scenario";
import * as seed from "./seed";

interface Needs {
  read: <T>(answer: () => T) => Promise<T>;
  write: <T>(answer: () => T) => Promise<T>;
  problem: (code: t.Code, message: string, details?: t.Details | null) => t.Problem;
}

const DAY = 86_400_000;
const worst = scenario === "worst";

const one = (id: string, name: string, wanted: Partial<t.AppPassword> = {}): t.AppPassword => ({
  id,
  login: "",
  name,
  protocols: ["imap", "pop3", "submission", "sieve"],
  networks: [],
  expires_at: null,
  created_at: seed.iso(now - 40 * DAY),
  created_by_login: "admin@example.org",
  last_used_at: null,
  last_used_from: null,
  revoked_at: null,
  revoked_by_login: null,
  ...wanted,
});

let all: t.AppPassword[] = fresh
  ? []
  : [
      one("ap1", worst ? "Thunderbird on a laptop ".repeat(5).trim() : "Thunderbird", {
        protocols: ["imap", "submission"],
        networks: worst ? ["203.0.113.0/24", "2001:db8:1234:5678::/64"] : ["203.0.113.0/24"],
        last_used_at: seed.iso(now - 240_000),
        last_used_from: "203.0.113.24",
      }),
      one("ap2", "Phone", {
        expires_at: seed.iso(now + 90 * DAY),
        last_used_at: seed.iso(now - 2 * DAY),
        last_used_from: "198.51.100.7",
      }),
      one("ap3", "Guest", { expires_at: seed.iso(now - DAY) }),
      one("ap4", "Old phone", { revoked_at: seed.iso(now - 9 * DAY) }),
    ];
let main: t.MainPasswordScope[] = [];

const key = (scope: t.PolicyScope) =>
  scope.kind === "account" ? scope.login : scope.kind === "domain" ? `@${scope.domain}` : "";

/** Only Anna has app passwords. */
export function appPasswordCommands({ read, write, problem }: Needs) {
  return {
    appPasswords: (login: string): Promise<t.AppPassword[]> =>
      read(() =>
        login.startsWith("anna@") || worst ? all.map((known) => ({ ...known, login })) : [],
      ),
    createAppPassword: (login: string, wanted: t.NewAppPassword): Promise<t.AppPasswordGrant> =>
      write(() => {
        if (!wanted.name.trim())
          throw problem("invalid", "A name has 1 to 120 characters in one line.", {
            kind: "fields",
            fields: [{ field: "name", message: "A name has 1 to 120 characters in one line." }],
          });
        const made = one(`ap${Date.now()}`, wanted.name, {
          ...(wanted.protocols?.length ? { protocols: wanted.protocols } : {}),
          networks: wanted.networks ?? [],
          expires_at: wanted.expires_at ?? null,
          created_at: seed.iso(Date.now()),
        });
        all = [made, ...all];
        return {
          app_password: { ...made, login },
          password: "k7qm-2x4d-w4hv-b6nr-3tz2-yfcj",
        };
      }),
    revokeAppPassword: (id: string) =>
      write(() => {
        all = all.map((it) => (it.id === id ? { ...it, revoked_at: seed.iso(Date.now()) } : it));
        return null;
      }),
    mainPasswords: (): Promise<t.MainPasswords> => read(() => ({ scopes: main })),
    changeMainPassword: (change: t.MainPasswordChange): Promise<t.MainPasswords> =>
      write(() => {
        const { scope, refused, confirm } = change;
        if (refused === true && scope.kind !== "account" && confirm !== true)
          throw problem(
            "conflict",
            "11 of the 12 accounts that this is for have no app password: their mail programs could not sign in any more.",
          );
        main = main.filter((said) => key(said.scope) !== key(scope));
        if (refused !== null) main = [...main, { scope, refused }];
        return { scopes: main };
      }),
  };
}
