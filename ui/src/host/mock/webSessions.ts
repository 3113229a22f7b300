import type * as t from "../host";
import { fresh, now, scenario } from "./scenario";
import * as seed from "./seed";

interface Needs {
  read: <T>(answer: () => T) => Promise<T>;
  write: <T>(answer: () => T) => Promise<T>;
}

const HOUR = 3_600_000;
const worst = scenario === "worst";

const one = (id: string, hours: number, client: string | null, address: string): t.WebSession => ({
  id,
  address,
  client,
  created_at: seed.iso(now - hours * HOUR - 240_000),
  last_seen_at: seed.iso(now - hours * HOUR),
  expires_at: seed.iso(now + 12 * HOUR),
});

let all: t.WebSession[] = fresh
  ? []
  : [
      one("ws1", 0.05, worst ? "Firefox ".repeat(30).trim() : "Firefox on Linux", "203.0.113.24"),
      one("ws2", 3, null, worst ? "2001:db8:1234:5678:9abc:def0:1234:5678" : "198.51.100.7"),
    ];

const browser = (
  id: string,
  name: string,
  hours: number,
  address: string,
  verified: boolean,
): t.AccountDevice => ({
  id,
  name,
  first_at: seed.iso(now - 40 * 24 * HOUR),
  last_at: seed.iso(now - hours * HOUR),
  address,
  verified_at: verified ? seed.iso(now - 40 * 24 * HOUR) : null,
});

let browsers: t.AccountDevice[] = fresh
  ? []
  : [
      browser("b1", worst ? "Firefox ".repeat(15).trim() : "Laptop", 0.05, "203.0.113.24", true),
      browser("b2", "Chrome on Windows", 3, "198.51.100.7", false),
    ];

/** Only Anna is signed in on the web. */
export function webSessionCommands({ read, write }: Needs) {
  return {
    webSessions: (login: string): Promise<t.WebSession[]> =>
      read(() => (login.startsWith("anna@") || worst ? all : [])),
    endWebSessions: (_login: string, session: string | null) =>
      write(() => {
        all = all.filter(({ id }) => session !== null && id !== session);
        return null;
      }),
    accountDevices: (login: string): Promise<t.AccountDevice[]> =>
      read(() => (login.startsWith("anna@") || worst ? browsers : [])),
    revokeAccountDevice: (_login: string, device: string) =>
      write(() => {
        browsers = browsers.filter(({ id }) => id !== device);
        return null;
      }),
  };
}
