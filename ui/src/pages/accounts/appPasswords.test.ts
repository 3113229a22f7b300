import { expect, test } from "vitest";
import type { AppPassword, MainPasswordScope } from "$host/host";
import { hasExpired, isRefused, reach, said } from "./appPasswords";

const phone: AppPassword = {
  id: "ap1",
  login: "anna@example.org",
  name: "Phone",
  protocols: ["imap", "submission"],
  networks: ["203.0.113.0/24"],
  expires_at: "2026-11-27T10:00:00Z",
  created_at: "2026-11-01T10:00:00Z",
  created_by_login: null,
  last_used_at: null,
  last_used_from: null,
  revoked_at: null,
  revoked_by_login: null,
};

test("an app password says where it opens its account", () => {
  expect(reach(phone)).toBe("IMAP and Submission, from 203.0.113.0/24");
  const anywhere = { ...phone, protocols: ["imap", "pop3", "submission", "sieve"], networks: [] };
  expect(reach(anywhere as AppPassword)).toBe("All mail protocols, from anywhere");
});

test("it has expired from the very moment on", () => {
  const end = Date.parse("2026-11-27T10:00:00Z");
  expect(hasExpired(phone, end - 1)).toBe(false);
  expect(hasExpired(phone, end)).toBe(true);
  expect(hasExpired({ ...phone, expires_at: null }, end)).toBe(false);
});

test("the closest scope decides on an account's own password", () => {
  const scopes: MainPasswordScope[] = [
    { scope: { kind: "organization" }, refused: true },
    { scope: { kind: "domain", domain: "example.com" }, refused: false },
    { scope: { login: "ben@example.com", kind: "account" }, refused: true },
  ];
  expect(isRefused([], "anna@example.org")).toBe(false);
  expect(isRefused(scopes, "anna@example.org")).toBe(true);
  expect(isRefused(scopes, "anna@example.com")).toBe(false);
  expect(isRefused(scopes, "ben@example.com")).toBe(true);
  expect(said(scopes, { kind: "account", login: "anna@example.com" })).toBeUndefined();
});
