import { expect, it } from "vitest";
import { type Entry, matching, meanings } from "./palette";

const entry = (label: string, group: string): Entry => ({ label, group, icon: "dot", act: "#/" });
const entries = [
  entry("Alerts", "Go to"),
  entry("Mail servers", "Settings"),
  entry("Mail", "Settings"),
  entry("Pause notifications for 1 hour", "Do"),
];

it("finds by the beginnings of words, in any order", () => {
  expect(matching(entries, "ser ma").map(({ label }) => label)).toEqual(["Mail servers"]);
  expect(matching(entries, "settings").map(({ label }) => label)).toEqual(["Mail servers", "Mail"]);
  expect(matching(entries, "ail")).toEqual([]);
  expect(matching(entries, "  ")).toHaveLength(4);
});

it("reads an address as one, and anything else as accounts and words", () => {
  expect(meanings("203.0.113.0/24", []).map(({ act }) => act)).toEqual([
    "#/activity?network=203.0.113.0/24",
  ]);
  expect(meanings("anna", ["anna@example.org"]).map(({ act }) => act)).toEqual([
    "#/activity?account=anna@example.org",
    "#/activity?text=anna",
  ]);
  expect(meanings(" ", ["anna@example.org"])).toEqual([]);
});
