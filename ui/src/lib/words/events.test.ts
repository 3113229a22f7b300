import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Alert, Block, EventBody, SignIn, Submission } from "$host/host";
import { sampleAlert } from "../../test-samples";
import { beginToSpeak, speak } from "../language.svelte";
import { eventLine } from "./events";

const line = (body: EventBody) => eventLine({ id: "e:1", at: "2026-11-24T08:00:00Z", body });

const signIn: SignIn = {
  login: "anna@example.org",
  protocol: "imap",
  address: "203.0.113.7",
  outcome: "failed",
  reasons: [
    { code: "wrong_password", text: "Wrong password", block: null },
    { code: "nothing_against", text: "Nothing against it", block: null },
  ],
  server: "mx1",
  client: null,
  tls: true,
};
const submission: Submission = {
  login: "anna@example.org",
  address: "203.0.113.7",
  sender: "anna@example.org",
  recipients: 1_204,
  outcome: "accepted",
  reasons: [],
  size: 0,
};
const block: Block = {
  id: "b1",
  target: { kind: "network", network: "192.0.2.0/24" },
  note: "",
  created_at: "2026-11-24T08:00:00Z",
  created_by: "adm1",
  created_by_login: "maria@example.org",
  expires_at: null,
  lifted_at: null,
  lifted_by_login: null,
  version: 1,
};
const alert: Alert = {
  ...sampleAlert,
  title: "12 failed sign-ins for anna@example.org",
  login: "anna@example.org",
  count: 12,
};

describe("an event in one line", () => {
  it.each([
    ["succeeded", "Signed in"],
    ["failed", "Failed"],
    ["refused", "Refused"],
    ["challenged", "Code asked for"],
  ] as const)("a sign-in that %s", (outcome, word) => {
    const read = line({ type: "sign_in", ...signIn, outcome });
    expect(read).toMatchObject({
      who: "anna@example.org",
      address: "203.0.113.7",
      where: "IMAP",
      what: "Wrong password",
    });
    expect(read.mark.word).toBe(word);
  });

  it("a submission counts its recipients", () => {
    expect(line({ type: "submission", ...submission })).toMatchObject({
      mark: { word: "Sent" },
      where: "Message",
      what: "1,204 recipients",
    });
    const refused = line({
      type: "submission",
      ...submission,
      login: null,
      sender: null,
      recipients: 1,
      outcome: "rejected",
      reasons: [{ code: "blocked_account", text: "The account is blocked", block: "b1" }],
    });
    expect(refused).toMatchObject({
      mark: { word: "Rejected" },
      who: "unknown sender",
      what: "1 recipient; The account is blocked",
    });
  });

  it("an alert by its title and state", () => {
    expect(line({ type: "alert", ...alert })).toMatchObject({
      mark: { word: "Alert", tone: "critical" },
      what: "12 failed sign-ins for anna@example.org",
    });
    expect(line({ type: "alert", ...alert, state: "resolved" }).mark.word).toBe("Alert resolved");
  });

  it("a block that is set, by whom, and lifted", () => {
    expect(line({ type: "block", ...block })).toMatchObject({
      mark: { word: "Blocked" },
      who: "maria@example.org",
      what: "Network 192.0.2.0/24 until lifted",
    });
    const lifted = line({
      type: "block",
      ...block,
      created_by_login: null,
      lifted_at: "2026-11-24T09:00:00Z",
    });
    expect(lifted).toMatchObject({
      mark: { word: "Block lifted" },
      who: "the service",
      what: "Network 192.0.2.0/24 may sign in again",
    });
  });

  it("an account that was seen for the first time", () => {
    const account = {
      login: "new@example.org",
      name: "",
      origin: "discovered",
      created_at: "2026-11-24T08:00:00Z",
      note: "",
      version: 1,
    } as const;
    expect(line({ type: "account", ...account })).toMatchObject({
      who: "new@example.org",
      what: "First seen at the mail server",
    });
    expect(line({ type: "account", ...account, origin: "by_hand" }).what).toBe("Added or changed");
  });

  it.each([
    ["block.create", "network 192.0.2.0/24", "Set a block: network 192.0.2.0/24"],
    ["session.begin", "MailCup on thinkpad", "Signed in on a device: MailCup on thinkpad"],
    ["settings.mail", "mail", "Changed how mail leaves"],
    ["something_new.frobnicate", "it", "Something new frobnicate: it"],
    ["toString", "", "ToString"],
  ])("an admin's %s on %j", (action, target, what) => {
    const read = line({
      type: "admin",
      admin: "adm1",
      login: "maria@example.org",
      action,
      target,
      address: null,
    });
    expect(read).toMatchObject({ who: "maria@example.org", what });
  });

  it.each<[Extract<EventBody, { type: "system" }>, string]>([
    [{ type: "system", fact: "started", version: "0.1.0" }, "Started, version 0.1.0"],
    [{ type: "system", fact: "stopped" }, "Stopped"],
    [{ type: "system", fact: "set_up", organization: "Example" }, "Set up for Example"],
    [
      { type: "system", fact: "mail_server_seen", server: "postfix", name: "mx1" },
      "First request from Postfix (mx1)",
    ],
    [{ type: "system", fact: "outbox_stuck", waiting: 1 }, "Mail outbox stuck: 1 message waiting"],
    [{ type: "system", fact: "outbox_flows" }, "Mail outbox flows again"],
    [{ type: "system", fact: "clock_jumped", seconds: -3_600 }, "The clock jumped by -3,600 s"],
    [
      { type: "system", fact: "events_expired", count: 1_840 },
      "1,840 events passed the retention and left",
    ],
  ])("the service: %j", (body, what) => {
    expect(line(body).what).toBe(what);
  });
});

describe("in other languages", () => {
  beforeAll(beginToSpeak);
  afterEach(() => {
    speak("system");
  });

  it("an event follows the language", () => {
    speak("de");
    expect(line({ type: "sign_in", ...signIn })).toMatchObject({
      mark: { word: "Fehlgeschlagen" },
      what: "Anmeldename oder Passwort war falsch.",
    });
    speak("uk");
    expect(line({ type: "submission", ...submission, recipients: 3 }).what).toBe("3 одержувачі");
    expect(line({ type: "submission", ...submission, recipients: 11 }).what).toBe("11 одержувачів");
  });
});
