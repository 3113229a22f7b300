import { expect, it } from "vitest";
import { targetOf, targetProblem } from "./target";

it.each([
  [" 203.0.113.7 ", { kind: "address", address: "203.0.113.7" }],
  ["2001:db8::/48", { kind: "network", network: "2001:db8::/48" }],
  ["Anna@Example.org", { kind: "account", login: "anna@example.org" }],
  ["root", { kind: "account", login: "root" }],
  ["10@example.org", { kind: "account", login: "10@example.org" }],
  ["203.0.113.300", undefined],
  ["203.0.113.0/33", undefined],
  ["2001:db8:::1", undefined],
  ["two words", undefined],
  ["", undefined],
])("%j means %j", (text, target) => {
  expect(targetOf(text)).toEqual(target);
});

it("says what is wrong with an address, and else what can be written", () => {
  expect(targetProblem("203.0.113.300")).toContain("0 to 255");
  expect(targetProblem("203.0.113.0/33")).toContain("0 to 32");
  expect(targetProblem("two words")).toContain("or an account");
  expect(targetProblem("")).toContain("or an account");
});
