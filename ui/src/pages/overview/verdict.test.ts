import { expect, test } from "vitest";
import type { Alert, Link, MailServer, Severity } from "$host/host";
import { sampleAlert } from "../../test-samples";
import { isSilent, verdict, type Standing } from "./verdict";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const HOUR = 3_600_000;
const iso = (at: number) => new Date(at).toISOString();

function alert(id: string, severity: Severity, last = 0): Alert {
  return { ...sampleAlert, id, severity, title: id, last_at: iso(NOW + last) };
}

function server(ago: number, requests = 100_000): MailServer {
  return {
    server: "dovecot",
    name: `asked ${ago / HOUR} h ago`,
    first_request_at: iso(NOW - ago - 30 * 24 * HOUR),
    last_request_at: iso(NOW - ago),
    requests,
  };
}

const well: Standing = {
  now: NOW,
  waiting: [],
  link: { kind: "live" },
  servers: [server(60_000)],
  outbox: { waiting: 0, oldest_at: null, last_sent_at: null, last_error: null },
};
const offline: Link = { kind: "offline", since: iso(NOW - HOUR), why: "refused" };
const stuck = { ...well.outbox, waiting: 3, oldest_at: iso(NOW - HOUR) } as Standing["outbox"];

test("says what is worst first, and each thing once what is worse is mended", () => {
  const all: Standing = {
    ...well,
    waiting: [alert("n", "notice"), alert("a", "attention"), alert("c", "critical")],
    link: offline,
    servers: [],
    outbox: stuck,
  };
  const steps: [Partial<Standing>, string][] = [
    [{}, "critical"],
    [{ waiting: all.waiting.slice(0, 2) }, "offline"],
    [{ link: { kind: "signed_out" } }, "signed_out"],
    [{ link: { kind: "live" } }, "not_connected"],
    [{ servers: [server(90 * HOUR)] }, "silent"],
    [{ servers: [server(0)] }, "outbox"],
    [{ outbox: well.outbox }, "attention"],
    [{ waiting: all.waiting.slice(0, 1) }, "notice"],
    [{ waiting: [] }, "well"],
  ];
  let standing = all;
  for (const [mended, kind] of steps) {
    standing = { ...standing, ...mended };
    expect(verdict(standing).kind).toBe(kind);
  }
});

test("names the newest of the gravest alerts and counts the rest of them", () => {
  const waiting = [
    alert("old", "critical", -HOUR),
    alert("new", "critical", 0),
    alert("other", "attention", HOUR),
  ];
  expect(verdict({ ...well, waiting })).toMatchObject({
    kind: "critical",
    alert: { id: "new" },
    more: 1,
  });
});

test("takes nothing for bad that is not known", () => {
  expect(verdict({ ...well, servers: undefined, outbox: undefined, link: undefined }).kind).toBe(
    "well",
  );
});

test("finds a mail server silent by its own rhythm", () => {
  // Every 26 s: silent after 1 h 26 min.
  expect(isSilent(server(HOUR), NOW)).toBe(false);
  expect(isSilent(server(2 * HOUR), NOW)).toBe(true);
  // Five times a day, as at night and on a free day.
  expect(isSilent(server(60 * HOUR, 150), NOW)).toBe(false);
  expect(isSilent(server(80 * HOUR, 150), NOW)).toBe(true);
  // One request and never again.
  expect(
    isSilent({ ...server(2 * HOUR), first_request_at: iso(NOW - 2 * HOUR), requests: 1 }, NOW),
  ).toBe(true);
});

test("gives mail that waits a quarter of an hour", () => {
  const outbox = (minutes: number) => ({
    waiting: 1,
    oldest_at: iso(NOW - minutes * 60_000),
    last_sent_at: null,
    last_error: null,
  });
  expect(verdict({ ...well, outbox: outbox(14) }).kind).toBe("well");
  expect(verdict({ ...well, outbox: outbox(15) })).toMatchObject({ kind: "outbox", waiting: 1 });
});
