import type { Case } from "./pages.ts";

const worst = encodeURIComponent(
  `${"a-very-long-local-part-that-goes-on-and-on-".repeat(2)}end@subdomain.of-a-long-name.example.org`,
);

/** Accounts, admins, keys and the audit log. */
export const peopleCases: Case[] = [
  { name: "accounts", scenario: "well", hash: "#/accounts", ready: "12 accounts" },
  {
    name: "accounts-attack",
    scenario: "attack",
    hash: "#/accounts?order=failed",
    ready: "12 accounts",
  },
  {
    name: "accounts-none",
    scenario: "well",
    hash: "#/accounts?text=nobody-like-this",
    ready: "No account matches",
  },
  { name: "accounts-empty", scenario: "empty", hash: "#/accounts", ready: "No account is known" },
  {
    name: "accounts-worst",
    scenario: "worst",
    hash: "#/accounts?order=failed",
    ready: "100,000 accounts",
  },
  { name: "accounts-broken", scenario: "broken", hash: "#/accounts", ready: "could not be read" },
  { name: "accounts-slow", scenario: "slow", hash: "#/accounts", ready: "Accounts" },
  {
    name: "account",
    scenario: "attack",
    hash: "#/accounts/anna%40example.org",
    ready: "Devices and programs",
  },
  {
    name: "account-app-passwords",
    scenario: "well",
    hash: "#/accounts/anna%40example.org",
    ready: "New app password",
    act: "app-password",
  },
  {
    name: "account-auditor",
    scenario: "auditor",
    hash: "#/accounts/anna%40example.org",
    ready: "reads only",
  },
  {
    name: "account-worst",
    scenario: "worst",
    hash: `#/accounts/${worst}`,
    ready: "Devices and programs",
  },
  {
    name: "account-unknown",
    scenario: "well",
    hash: "#/accounts/nobody%40example.org",
    ready: "There is no such account",
  },
  {
    name: "accounts-import",
    scenario: "well",
    hash: "#/accounts/%20",
    ready: "Or paste the lines",
  },

  { name: "admins", scenario: "well", hash: "#/admins", ready: "3 admins" },
  { name: "admins-worst", scenario: "worst", hash: "#/admins", ready: "admins." },
  { name: "admins-auditor", scenario: "auditor", hash: "#/admins", ready: "3 admins" },
  { name: "admins-broken", scenario: "broken", hash: "#/admins", ready: "could not be read" },
  { name: "admin", scenario: "well", hash: "#/admins/adm2", ready: "Signed in on" },
  { name: "admin-last-owner", scenario: "well", hash: "#/admins/adm1", ready: "last owner" },
  { name: "admin-worst", scenario: "worst", hash: "#/admins/w0", ready: "Signed in on" },
  { name: "admin-invite", scenario: "well", hash: "#/admins/new", ready: "Invite an admin" },
  { name: "keys", scenario: "well", hash: "#/keys", ready: "3 keys work" },
  { name: "keys-worst", scenario: "worst", hash: "#/keys", ready: "3 keys work" },
  { name: "keys-empty", scenario: "empty", hash: "#/keys", ready: "There is no key yet" },
  { name: "key", scenario: "well", hash: "#/keys/key1", ready: "Asks for decisions" },
  { name: "key-new", scenario: "well", hash: "#/keys/new", ready: "New API key" },
  { name: "audit", scenario: "well", hash: "#/audit", ready: "Unbroken since" },
  { name: "audit-restored", scenario: "attack", hash: "#/audit", ready: "older copy" },
  { name: "audit-broken", scenario: "notices", hash: "#/audit/80", ready: "As the service tells" },
  { name: "audit-worst", scenario: "worst", hash: "#/audit/11960", ready: "As the service tells" },
  { name: "audit-entry", scenario: "well", hash: "#/audit/116", ready: "Entry 116" },
  { name: "audit-none", scenario: "well", hash: "#/audit?text=nothing-such", ready: "No entry" },
  { name: "audit-empty", scenario: "empty", hash: "#/audit", ready: "Not checked yet" },
  { name: "audit-unreadable", scenario: "broken", hash: "#/audit", ready: "could not be read" },
];
