import { expect, test } from "vitest";
import type { Alert, AlertStep } from "$host/host";
import { sampleAlert } from "../../test-samples";
import { history } from "./history";

const NOW = Date.parse("2026-11-24T12:00:00Z");

const alert = (steps: Partial<AlertStep>[]): Alert => ({
  ...sampleAlert,
  history: steps.map((step) => ({
    at: "2026-11-24T09:00:00Z",
    state: "open",
    admin: "1",
    login: "boss@x",
    note: null,
    ...step,
  })),
});

test("tells who did what, whether or not the log says that it was raised", () => {
  const steps: Partial<AlertStep>[] = [
    { deed: { kind: "snoozed", until: "2026-11-24T10:00:00Z" }, note: "Asked Anna" },
    { deed: { kind: "noted" }, note: "Her phone" },
    { deed: { kind: "woken" } },
    { deed: { kind: "woken" }, admin: null, login: null },
    {
      deed: { kind: "blocked", block: "b1", target: { kind: "address", address: "203.0.113.9" } },
    },
    { state: "resolved", deed: { kind: "state" } },
    { state: "open" },
  ];
  const raised = { admin: null, login: null, at: "2026-11-24T08:30:00Z" };
  const told = history(alert(steps), NOW);
  expect(told.map(({ text }) => text.replace(/\d\d:\d\d/, "TIME"))).toEqual([
    "Raised by the service",
    "Snoozed until TIME by boss@x",
    "Note by boss@x",
    "Brought back by boss@x",
    "Came back at once: it grew graver",
    "203.0.113.9 blocked by boss@x",
    "Resolved by boss@x",
    "Opened again by boss@x",
  ]);
  expect(told[1]?.detail).toBe("Asked Anna");
  expect(told[5]?.href).toBe("#/blocks/b1");
  const withRaised = history(alert([raised, ...steps]), NOW);
  expect(withRaised).toHaveLength(told.length);
  expect(withRaised[0]?.at).toBe(Date.parse(raised.at));
});
