import { describe, expect, it } from "vitest";
import type { Opened, PartComparison, Resource } from "$host/host";
import { parseRoute } from "$lib/router.svelte";
import { differing, draftAddress, draftOf, fieldHint } from "./drafts";

const number = (value: number) => ({ kind: "number" as const, number: value });

const part: PartComparison = {
  part: "account_failures",
  mark: "only_yours",
  fields: [
    {
      field: "account_failures",
      mark: "only_yours",
      began: number(5),
      yours: number(8),
      theirs: number(5),
    },
  ],
};

describe("the address of a draft", () => {
  const resources: Resource[] = [
    { kind: "alert_settings" },
    { kind: "mail_settings" },
    { kind: "account", login: "o'neill+x/ü@example.org" },
  ];
  it.each(resources)("names $kind", (resource) => {
    expect(draftOf(parseRoute(draftAddress(resource)).rest.slice(1))).toEqual(resource);
  });

  it("names none that is none", () => {
    expect(draftOf([])).toBeUndefined();
    expect(draftOf(["account"])).toBeUndefined();
    expect(draftOf(["organization"])).toBeUndefined();
  });
});

it("says below a field what is in effect, and nothing where the draft wants the same", () => {
  const settings = { account_failures: 5, network_accounts: 5, window_minutes: 10 };
  const opened: Opened = {
    content: { kind: "alert_settings", ...settings, version: 1 },
    read_at: "2026-11-24T10:00:00Z",
    away: null,
    draft: {
      resource: { kind: "alert_settings" },
      began: { kind: "alert_settings", ...settings, version: 1 },
      edit: { kind: "alert_settings", ...settings, account_failures: 8 },
      has_password: false,
      edited_at: "2026-11-24T10:00:00Z",
      admin: "a1",
      login: "olga@example.org",
      own: true,
      meanwhile: "nothing",
      parts: [part],
    },
  };
  expect(fieldHint(opened, "account_failures")).toBe("Draft. In effect: 5");
  expect(fieldHint(opened, "window_minutes")).toBeUndefined();
  expect(fieldHint({ ...opened, draft: null }, "account_failures")).toBeUndefined();
});

it("compares what differs anywhere", () => {
  const alike = part.fields.map((field) => ({ ...field, yours: number(5) }));
  expect(differing({ ...part, fields: alike })).toEqual([]);
  expect(differing(part)).toHaveLength(1);
});
