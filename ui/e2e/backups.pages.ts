import type { Case } from "./pages.ts";

/** The newest snapshot of the mock, and one three days before. */
export const newest = "b1705957d08d6f9cd7cf35aafef52620a4884acdc9c0a53af2c94b45869c480a";
export const older = "c8578a5e682af6d7fce191a494f3161a6dc73375f0370a98058bd41559e5a8db";

const well = { scenario: "well" } as const;
const attack = { scenario: "attack" } as const;
const worst = { scenario: "worst" } as const;

/** Backups, this computer's copy, and what lies in the snapshots. */
export const backupCases: Case[] = [
  { name: "backups", ...well, hash: "#/backups", ready: "Proven" },
  { name: "backups-worst", ...worst, hash: "#/backups", ready: "2 files damaged" },
  { name: "backups-empty", scenario: "empty", hash: "#/backups", ready: "three steps" },
  { name: "backups-offline", scenario: "offline", hash: "#/backups", ready: "told it last" },
  { name: "backups-auditor", scenario: "auditor", hash: "#/backups", ready: "Proven" },
  { name: "backups-slow", scenario: "slow", hash: "#/backups", ready: "Backups" },
  { name: "backups-broken", scenario: "broken", hash: "#/backups", ready: "could not be read" },
  {
    name: "backups-running",
    scenario: "well&backup=running",
    hash: "#/backups",
    ready: "Finding out how much",
  },
  {
    name: "backups-not-set-up",
    scenario: "well&backup=not-set-up",
    hash: "#/backups",
    ready: "Make the repository",
  },
  { name: "backups-german", ...worst, hash: "#/backups", ready: "Nachweis", language: "de" },
  { name: "backups-ukrainian", ...worst, hash: "#/backups", ready: "Перевірка", language: "uk" },
  { name: "backups-snapshots", ...well, hash: "#/backups/snapshots", ready: "14 snapshots" },
  { name: "backups-snapshots-worst", ...worst, hash: "#/backups/snapshots", ready: "is damaged" },
  {
    name: "backups-snapshots-off",
    scenario: "well&copy=off",
    hash: "#/backups/snapshots",
    ready: "No copy on this computer",
  },
  { name: "backups-jobs", ...well, hash: "#/backups/jobs", ready: "came to an end" },
  { name: "backups-job", ...worst, hash: "#/backups/jobs/job1", ready: "What it means" },
  { name: "backups-job-drill", ...worst, hash: "#/backups/jobs/job4", ready: "Checks" },
  { name: "backups-job-gone", ...well, hash: "#/backups/jobs/none", ready: "no longer listed" },
  {
    name: "backups-targets",
    ...well,
    hash: "#/backups/targets",
    ready: "Each target has its copy",
  },
  { name: "backups-targets-worst", ...worst, hash: "#/backups/targets", ready: "two days behind" },
  {
    name: "backups-targets-ukrainian",
    ...worst,
    hash: "#/backups/targets",
    ready: "Відстає",
    language: "uk",
  },
  {
    name: "backups-copy-off",
    scenario: "well&copy=off",
    hash: "#/backups/copy",
    ready: "What a copy means",
  },
  {
    name: "backups-copy-may-not",
    scenario: "well&copy=off&mail=no",
    hash: "#/backups/copy",
    ready: "An owner can allow it",
  },
  { name: "backups-copy", ...well, hash: "#/backups/copy", ready: "Complete: 14 snapshots" },
  {
    name: "backups-copy-worst",
    ...worst,
    hash: "#/backups/copy",
    ready: "newer snapshots are not",
  },
  {
    name: "backups-copy-failed",
    scenario: "well&copy=failed",
    hash: "#/backups/copy",
    ready: "could not go on",
  },
  {
    name: "backups-copy-offline",
    scenario: "offline",
    hash: "#/backups/copy",
    ready: "waits for the service",
  },
  {
    name: "backups-copy-forget",
    ...well,
    hash: "#/backups/copy",
    ready: "Forget the copy",
    act: "forget-copy",
  },
  { name: "snapshot", ...well, hash: `#/backups/${newest}`, ready: "Choose an account" },
  {
    name: "snapshot-gone",
    ...well,
    hash: "#/backups/0000",
    ready: "There is no such snapshot here",
  },
  {
    name: "snapshot-folder",
    ...worst,
    hash: `#/backups/${newest}?at=example.org/office&threads=1`,
    ready: "Archive/2026",
    act: "messages",
  },
  {
    name: "snapshot-message",
    ...worst,
    hash: `#/backups/${newest}?at=example.org/office`,
    ready: "Archive/2026",
    act: "message",
  },
  {
    name: "snapshot-headers",
    ...worst,
    hash: `#/backups/${newest}?at=example.org/office&view=headers`,
    ready: "Archive/2026",
    act: "message",
  },
  {
    name: "snapshot-restore",
    ...well,
    hash: `#/backups/${newest}?at=example.org/anna`,
    ready: "Archive/2026",
    act: "restore",
  },
  {
    name: "snapshot-export",
    ...well,
    hash: `#/backups/${newest}?at=example.org/anna`,
    ready: "Archive/2026",
    act: "export-mail",
  },
  {
    name: "snapshot-restore-offline",
    scenario: "offline",
    hash: `#/backups/${newest}?at=example.org/anna`,
    ready: "Archive/2026",
    act: "restore",
  },
  {
    name: "snapshot-state",
    ...worst,
    hash: `#/backups/${newest}/state/accounts`,
    ready: "anna@example.org",
  },
  {
    name: "snapshot-record",
    ...worst,
    hash: `#/backups/${newest}/state/access_rules/rule-2`,
    ready: "A note that goes on",
  },
  {
    name: "snapshot-events",
    ...attack,
    hash: `#/backups/${newest}/state/events`,
    ready: "sign_in",
  },
  {
    name: "snapshot-record-history",
    ...attack,
    hash: `#/backups/${newest}/state/access_rules/rule-1?history=1`,
    ready: "What the audit log says",
  },
  {
    name: "snapshots-compared",
    ...attack,
    hash: `#/backups/compare/${older}/${newest}?change=removed`,
    ready: "messages removed",
  },
  {
    name: "snapshots-compared-records",
    ...worst,
    hash: `#/backups/compare/${older}/${newest}?part=records`,
    ready: "changed.",
  },
  {
    name: "backups-search",
    ...worst,
    hash: "#/backups/search?q=invoice&gone=1",
    ready: "messages found",
  },
  {
    name: "backups-search-off",
    scenario: "well&index=off",
    hash: "#/backups/search",
    ready: "Switch search on",
  },
  {
    name: "backups-search-none",
    ...well,
    hash: "#/backups/search?q=nothing-like-this",
    ready: "Nothing matches",
  },
];
