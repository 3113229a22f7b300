import { expect, it } from "vitest";
import type { EventBody } from "$host/host";
import { details } from "./details";

const shown = (body: EventBody) => details({ id: "e:1", at: "2026-11-24T08:00:00Z", body });
const facts = (body: EventBody) =>
  Object.fromEntries(shown(body).facts.map(({ name, value }) => [name, value]));

const signIn: EventBody = {
  type: "sign_in",
  login: "anna@example.org",
  protocol: "imap",
  address: "203.0.113.7",
  outcome: "refused",
  reasons: [
    {
      code: "blocked_address",
      text: "The address 203.0.113.7 is blocked until it is lifted.",
      block: "b1",
    },
  ],
  server: null,
  client: null,
  tls: false,
};

it("explains a refused sign-in, and what the client was told", () => {
  const { title, reasons, note } = shown(signIn);
  expect(title).toBe("anna@example.org");
  expect(reasons.map(({ text, block }) => [text, block])).toEqual([
    ["The address 203.0.113.7 is blocked until it is lifted.", "b1"],
  ]);
  expect(note).toContain("no more than of a wrong password");
  expect(shown({ ...signIn, outcome: "failed" }).note).toBeUndefined();
});

it("states the facts, and claims no encryption that nobody stated", () => {
  expect(facts(signIn)).toMatchObject({
    Account: "anna@example.org",
    Address: "203.0.113.7",
    Protocol: "IMAP",
    Encrypted: "Not stated, or no",
    "Mail server": "MailCup itself",
    Event: "e:1",
  });
});

it("lets one filter by the account, its domain, the address and its network", () => {
  const filters = shown(signIn).facts.flatMap((fact) => fact.filters ?? []);
  expect(filters.map(({ field, value }) => `${field}:${value}`)).toEqual([
    "account:anna@example.org",
    "domain:example.org",
    "network:203.0.113.7",
    "network:203.0.113.0/24",
    "protocol:imap",
    "outcome:refused",
  ]);
});

it("says what an admin did in a sentence", () => {
  const body: EventBody = {
    type: "admin",
    admin: "adm1",
    login: "maria@example.org",
    action: "block.lift",
    target: "network 192.0.2.0/24",
    address: "203.0.113.24",
  };
  expect(shown(body).sentence).toBe("Lifted a block: network 192.0.2.0/24");
  expect(facts(body)).toMatchObject({ Admin: "maria@example.org", Action: "block.lift" });
});

it("shows sizes only where the mail server stated one", () => {
  const submission: EventBody = {
    type: "submission",
    login: null,
    address: null,
    sender: "anna@example.org",
    recipients: 3,
    outcome: "accepted",
    reasons: [],
    size: 0,
  };
  expect(shown(submission).title).toBe("anna@example.org");
  expect(facts(submission)["Size"]).toBeNull();
  expect(facts({ ...submission, size: 1_500 })["Size"]).toBe("2 kB");
});
