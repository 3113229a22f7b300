import type * as t from "../host";
import { fresh, now, scenario } from "./scenario";
import * as seed from "./seed";

interface Needs {
  read: <T>(answer: () => T) => Promise<T>;
  write: <T>(answer: () => T) => Promise<T>;
  blocks: () => readonly t.Block[];
  alerts: () => readonly t.Alert[];
  changed: (...parts: (keyof t.DataChanged)[]) => void;
}

const DAY = 86_400_000;
const MANY = 100_000;
const protocols: t.Protocol[] = ["web", "imap", "pop3", "submission", "sieve"];

/** All accounts: a dozen, or as many as a large organization has. */
let accounts: t.Account[] = fresh
  ? []
  : scenario === "worst"
    ? [...worstAccounts(), ...manyAccounts()]
    : seed.accounts(now);

function worstAccounts(): t.Account[] {
  return seed.worstLogins.map((login, index) => ({
    login,
    name: index % 2 === 0 ? `${"Very Long Name ".repeat(9)}${login}`.slice(0, 120) : "مدير البريد",
    origin: "discovered",
    created_at: seed.iso(now - 400 * DAY),
    note: index === 0 ? `${"A note that goes on. ".repeat(80)}` : "",
    version: 1,
  }));
}

function manyAccounts(): t.Account[] {
  return Array.from({ length: MANY - seed.worstLogins.length }, (_, index) => ({
    login: `user${String(index).padStart(6, "0")}@example.org`,
    name: `Member ${index}`,
    origin: "imported",
    created_at: seed.iso(now - 200 * DAY),
    note: "",
    version: 1,
  }));
}

function usageOf(account: t.Account, index: number): t.AccountUsage {
  const next = seed.random(index + 1);
  const worst = scenario === "worst" && index === 0;
  const age = next() < 0.15 ? 100 + next() * 200 : next() ** 4 * 40;
  const isUsed = next() > 0.07 || worst;
  return {
    last_sign_in: isUsed
      ? {
          at: seed.iso(now - age * DAY - 30_000),
          address: worst
            ? "2001:db8:1111:2222:3333:4444:5555:6666"
            : `203.0.113.${Math.floor(next() * 250)}`,
          protocol: protocols[Math.floor(next() * 4)] ?? "imap",
        }
      : null,
    networks: worst ? 12_345 : isUsed ? 1 + Math.floor(next() ** 3 * 9) : 0,
    protocols: worst ? protocols : isUsed ? protocols.filter(() => next() < 0.5) : [],
    failed: worst ? 1_234_567 : Math.floor(next() ** 6 * 40),
    refused: worst ? 98_765 : Math.floor(next() ** 9 * 20),
  };
}

const usages = new Map<string, t.AccountUsage>();

export function mockedAccount(login: string): t.Account | undefined {
  return accounts.find((account) => account.login === login);
}

export function changeMockedAccount(before: t.Account, note: string): t.Account {
  const after = { ...before, note, version: before.version + 1 };
  accounts = accounts.map((account) => (account.login === before.login ? after : account));
  return after;
}

export function accountCommands({ read, write, blocks, alerts, changed }: Needs) {
  function row(account: t.Account, index: number): t.AccountRow {
    let usage = usages.get(account.login);
    if (!usage) usages.set(account.login, (usage = usageOf(account, index)));
    const seen = Date.parse(usage.last_sign_in?.at ?? account.created_at);
    return {
      account,
      usage,
      blocked: blocks().some(
        ({ target, lifted_at }) =>
          lifted_at === null && target.kind === "account" && target.login === account.login,
      ),
      open_alerts: alerts().filter(
        ({ state, login, accounts: named }) =>
          state === "open" && (login === account.login || named.includes(account.login)),
      ).length,
      dormant: seen < now - 90 * DAY,
    };
  }

  const passes: Record<t.AccountState, (row: t.AccountRow) => boolean> = {
    blocked: ({ blocked }) => blocked,
    alert: ({ open_alerts }) => open_alerts > 0,
    dormant: ({ dormant }) => dormant,
  };
  const keys: Record<t.AccountOrder, (row: t.AccountRow) => string | number> = {
    login: ({ account }) => account.login,
    name: ({ account }) => account.name.toLowerCase() || "\uffff",
    last_sign_in: ({ usage }) => (usage.last_sign_in ? Date.parse(usage.last_sign_in.at) : 0),
    networks: ({ usage }) => usage.networks,
    failed: ({ usage }) => usage.failed,
    refused: ({ usage }) => usage.refused,
  };

  return {
    listAccounts: (query: t.AccountQuery) =>
      read(() => {
        const text = (query.text ?? "").trim().toLowerCase();
        const found = accounts
          .map(row)
          .filter(
            (it) =>
              (it.account.login.includes(text) || it.account.name.toLowerCase().includes(text)) &&
              (!query.state || passes[query.state](it)),
          );
        const key = keys[query.order ?? "login"];
        const way = query.descending ? -1 : 1;
        found.sort((a, b) => {
          const [left, right] = [key(a), key(b)];
          return left < right ? -way : left > right ? way : 0;
        });
        const from = query.offset ?? 0;
        return { accounts: found.slice(from, from + query.limit), total: found.length };
      }),
    account: (login: string) =>
      read(() => {
        const index = accounts.findIndex((account) => account.login === login);
        const account = accounts[index];
        return account ? row(account, index) : null;
      }),
    previewImport: (text: string) => read(() => previewed(text)),
    importAccounts: (text: string): Promise<t.ImportOutcome> => {
      importing = { sent_bytes: 0, total_bytes: text.length };
      return write(() => {
        const { sample, new: added, known } = previewed(text);
        importing = null;
        accounts = [
          ...sample.map(({ login, name = "", note = "" }) => ({
            login,
            name,
            note,
            origin: "imported" as const,
            created_at: seed.iso(Date.now()),
            version: 1,
          })),
          ...accounts,
        ];
        changed("accounts");
        return { kind: "done", added, known };
      });
    },
    importProgress: () => Promise.resolve(importing),
    cancelImport: () => Promise.resolve(null),
  };
}

let importing: t.ImportProgress | null = null;

/** As much of the core's reading as page tests need. */
function previewed(text: string): t.ImportPreview {
  const format = /^[^,;\t"\n]*:/.test(text) ? "passwd_file" : "csv";
  const rows = text.split("\n").map((line) => line.split(format === "csv" ? "," : ":"));
  const bad: t.BadLine[] = [];
  const found: t.NewAccount[] = [];
  rows.forEach(([login = "", name = "", note = ""], index) => {
    if (login === "login" || rows[index]?.join("") === "") return;
    const line = index + 1;
    if (login === "") bad.push({ line, fault: { kind: "no_login" } });
    else if (/\s/.test(login)) bad.push({ line, fault: { kind: "blank_in_login" } });
    else if (login.length > 320) bad.push({ line, fault: { kind: "login_too_long" } });
    else found.push(format === "csv" ? { login, name, note } : { login, name: "", note: "" });
  });
  const fresh = found.filter(({ login }) => !accounts.some((account) => account.login === login));
  return {
    format,
    new: fresh.length,
    known: found.length - fresh.length,
    bad: bad.length,
    bad_lines: bad.slice(0, 500),
    sample: fresh.slice(0, 5),
  };
}
