import type { Case } from "./pages.ts";

/** Drafts, and the forms of what there is a draft of. */
export const draftCases: Case[] = [
  { name: "drafts", scenario: "drafts", hash: "#/settings/drafts", ready: "Conflict" },
  { name: "drafts-none", scenario: "well", hash: "#/settings/drafts", ready: "No drafts" },
  {
    name: "drafts-conflict",
    scenario: "drafts",
    hash: "#/settings/drafts/alert_settings",
    ready: "Choose which shall be in effect",
  },
  {
    name: "drafts-of-another",
    scenario: "drafts",
    hash: "#/settings/drafts/mail_settings",
    ready: "not yours",
  },
  {
    name: "drafts-gone",
    scenario: "well",
    hash: "#/settings/drafts/mail_settings",
    ready: "no such draft",
  },
  {
    name: "drafts-form",
    scenario: "drafts",
    hash: "#/settings/notifications",
    ready: "Draft. In effect: 5",
  },
  {
    name: "drafts-form-relay",
    scenario: "drafts",
    hash: "#/settings/mail",
    ready: "Draft. The password that you typed",
  },
  {
    name: "drafts-offline",
    scenario: "offline",
    hash: "#/settings/mail",
    ready: "Save as a draft",
  },
  {
    name: "drafts-auditor",
    scenario: "auditor",
    hash: "#/settings/drafts",
    ready: "No drafts",
  },
  {
    name: "drafts-conflict-uk",
    scenario: "drafts",
    hash: "#/settings/drafts/alert_settings",
    ready: "Оберіть, що має діяти",
    language: "uk",
  },
];
