import { expect, it } from "vitest";
import { faultOf, otherFaults, scopeForm, scopeOf } from "./scope";

it.each([
  { kind: "organization" } as const,
  { kind: "domain", domain: "example.org" } as const,
  { kind: "account", login: "anna@example.org" } as const,
])("a form holds the scope %o", (scope) => {
  expect(scopeOf(scopeForm(scope))).toEqual(scope);
});

it("reads a scope as it was meant", () => {
  expect(scopeOf({ kind: "domain", domain: " @Example.org ", login: "" })).toEqual({
    kind: "domain",
    domain: "example.org",
  });
});

it("puts a fault beside its field, however it is nested", () => {
  const faults = [
    { field: "terms.networks.3", message: "no network" },
    { field: "scope.login", message: "no account" },
    { field: "moon", message: "no such thing" },
  ];
  expect(faultOf(faults, "networks")).toBe("no network");
  expect(faultOf(faults, "scope")).toBe("no account");
  expect(faultOf(faults, "net")).toBeUndefined();
  expect(otherFaults(faults, "networks", "scope")).toEqual(["no such thing"]);
});
