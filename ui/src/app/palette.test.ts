import { expect, it } from "vitest";
import { type Entry, meanings, parts, viewEntries } from "./palette";

const entry = (label: string, group: string): Entry => ({
  id: label,
  label,
  group,
  icon: "dot",
  act: "#/",
});
const entries = [
  entry("Alerts", "Go to"),
  entry("Activity", "Go to"),
  entry("Mail servers", "Settings"),
  entry("Pause alerts", "Do"),
];
const shape = (typed: string, recent: string[] = []) =>
  parts(entries, typed, recent).map(({ name, entries: found }) => [
    name,
    ...found.map(({ label }) => label),
  ]);

it("begins with what was used lately, each entry once", () => {
  expect(shape("")).toEqual([
    ["Go to", "Alerts", "Activity"],
    ["Settings", "Mail servers"],
    ["Do", "Pause alerts"],
  ]);
  expect(shape("", ["Mail servers", "no more there", "Activity"])).toEqual([
    ["Used lately", "Mail servers", "Activity"],
    ["Go to", "Alerts"],
    ["Do", "Pause alerts"],
  ]);
});

it("puts the group with the best match first", () => {
  expect(shape("pause")).toEqual([["Do", "Pause alerts"]]);
  expect(shape("alerts")).toEqual([
    ["Go to", "Alerts"],
    ["Do", "Pause alerts"],
  ]);
});

it("reads an address as one, and anything else as accounts and words", () => {
  const asked = (typed: string, accounts: string[] = []) =>
    meanings(typed, accounts).map(({ act }) => decodeURIComponent(String(act)));
  expect(asked("203.0.113.0/24")).toEqual(["#/activity?network=203.0.113.0/24"]);
  expect(asked("anna", ["anna@example.org"])).toEqual([
    "#/activity?account=anna@example.org",
    "#/activity?text=anna",
  ]);
  expect(asked(" ", ["anna@example.org"])).toEqual([]);
});

it("leads to a view at the address at which it was kept", () => {
  const [found] = viewEntries([{ name: "Refused today", address: "/activity?outcome=refused" }]);
  expect(found?.act).toBe("#/activity?outcome=refused");
});
