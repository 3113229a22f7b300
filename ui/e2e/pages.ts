import { backupCases } from "./backups.pages.ts";
import { draftCases } from "./drafts.pages.ts";
import { policyCases } from "./policy.pages.ts";
import { peopleCases } from "./people.pages.ts";

/** Every page with the scenarios that change what it shows. */
export interface Case {
  name: string;
  scenario: string;
  hash: string;
  /** What is there once the page stands. */
  ready: string;
  language?: "de" | "uk";
  /** What else to open before one looks. */
  act?:
    | "filter"
    | "complete"
    | "term"
    | "columns"
    | "views"
    | "export"
    | "block"
    | "network"
    | "shortcuts"
    | "palette"
    | "menu"
    | "toast"
    | "authenticator"
    | "again"
    | "passphrase"
    | "missing"
    | "app-password"
    | "factor-rule"
    | "codes"
    | "servers"
    | "wrong-code"
    | "recovery"
    | "choose"
    | "snooze"
    | "switcher"
    | "untrusted"
    | "trust"
    | "lock-out"
    | "dry-run"
    | "decide"
    | "learn"
    | "import"
    | "forget-copy"
    | "messages"
    | "message"
    | "restore"
    | "export-mail"
    | "wrong-color"
    | "target"
    | "put-back";
}

const event = (seq: number) => `#/activity/0192f0c4b7a1e5d3%3A${seq}`;

export const cases: Case[] = [
  { name: "first-run", scenario: "first-run", hash: "", ready: "Welcome to MailCup" },
  { name: "connect", scenario: "first-run", hash: "#/connect", ready: "Connect to a service" },
  { name: "set-up", scenario: "set-up", hash: "", ready: "Set up your organization" },
  {
    name: "set-up-missing",
    scenario: "set-up",
    hash: "",
    ready: "Set up your organization",
    act: "missing",
  },
  { name: "codes", scenario: "set-up", hash: "", ready: "Set up your organization", act: "codes" },
  {
    name: "servers",
    scenario: "set-up",
    hash: "",
    ready: "Set up your organization",
    act: "servers",
  },
  { name: "keyring", scenario: "keyring", hash: "", ready: "Choose a passphrase" },
  { name: "sign-in", scenario: "sign-in", hash: "", ready: "Sign in" },
  { name: "code", scenario: "code", hash: "", ready: "Enter the code we sent you" },
  {
    name: "code-wrong",
    scenario: "code",
    hash: "",
    ready: "Enter the code we sent you",
    act: "wrong-code",
  },
  {
    name: "recovery-code",
    scenario: "code",
    hash: "",
    ready: "Enter the code we sent you",
    act: "recovery",
  },
  { name: "locked", scenario: "locked", hash: "", ready: "Locked" },

  { name: "overview-well", scenario: "well", hash: "#/overview", ready: "All is well" },
  { name: "overview-attack", scenario: "attack", hash: "#/overview", ready: "after 14 failures" },
  {
    name: "overview-month",
    scenario: "attack",
    hash: "#/overview?range=30d&protocol=imap",
    ready: "after 14 failures",
  },
  { name: "overview-empty", scenario: "empty", hash: "#/overview", ready: "No mail server asks" },
  { name: "overview-worst", scenario: "worst", hash: "#/overview", ready: "failed for" },
  { name: "overview-offline", scenario: "offline", hash: "#/overview", ready: "after 14 failures" },
  { name: "overview-auditor", scenario: "auditor", hash: "#/overview", ready: "after 14 failures" },
  { name: "overview-slow", scenario: "slow", hash: "#/overview", ready: "Overview" },
  { name: "overview-broken", scenario: "broken", hash: "#/overview", ready: "could not be read" },

  { name: "alerts-well", scenario: "well", hash: "#/alerts", ready: "All is well" },
  { name: "alerts-attack", scenario: "attack", hash: "#/alerts", ready: "Alerts" },
  { name: "alert", scenario: "attack", hash: "#/alerts/al1", ready: "Evidence" },
  { name: "alert-many", scenario: "attack", hash: "#/alerts/al2", ready: "Evidence" },
  {
    name: "alert-block",
    scenario: "attack",
    hash: "#/alerts/al1",
    ready: "Evidence",
    act: "block",
  },
  { name: "alerts-all", scenario: "attack", hash: "#/alerts?show=all", ready: "Alerts" },
  { name: "alerts-empty", scenario: "empty", hash: "#/alerts", ready: "No open alerts" },
  {
    name: "alerts-seen",
    scenario: "empty",
    hash: "#/alerts?show=acknowledged",
    ready: "Nothing is",
  },
  { name: "alerts-worst", scenario: "worst", hash: "#/alerts", ready: "Alerts" },
  { name: "alert-worst", scenario: "worst", hash: "#/alerts/worst1", ready: "Evidence" },
  { name: "alerts-offline", scenario: "offline", hash: "#/alerts/own1", ready: "History" },
  {
    name: "alerts-chosen",
    scenario: "attack",
    hash: "#/alerts",
    ready: "Alerts",
    act: "choose",
  },
  {
    name: "alerts-snooze",
    scenario: "attack",
    hash: "#/alerts/al2",
    ready: "Evidence",
    act: "snooze",
  },
  {
    name: "alerts-snoozed",
    scenario: "attack",
    hash: "#/alerts?show=snoozed",
    ready: "Nothing is snoozed",
  },
  {
    name: "alerts-filtered",
    scenario: "worst",
    hash: "#/alerts?severity=critical&kind=repeated_failures&account=a-very-long-local-part",
    ready: "Alerts",
  },
  { name: "alerts-slow", scenario: "slow", hash: "#/alerts", ready: "Alerts" },
  { name: "alerts-broken", scenario: "broken", hash: "#/alerts", ready: "could not be read" },
  { name: "alerts-notices", scenario: "notices", hash: "#/alerts", ready: "was damaged" },

  { name: "activity-well", scenario: "well", hash: "#/activity", ready: "Activity" },
  { name: "activity-attack", scenario: "attack", hash: "#/activity", ready: "Activity" },
  {
    name: "activity-filtered",
    scenario: "attack",
    hash: "#/activity?since=24h&account=anna%40example.org&network=198.51.100.0%2F24&protocol=imap,submission&outcome=failed,refused",
    ready: "match.",
  },
  {
    name: "activity-chips",
    scenario: "attack",
    hash: "#/activity?since=7d&-account=anna@example.org,bernd@example.org,chiara@example.org&reason=wrong_password,blocked_address&text=thunderbird&columns=time,outcome,account,address,protocol,reason,device,server,number",
    ready: "match.",
  },
  {
    name: "activity-fault",
    scenario: "well",
    hash: "#/activity?outcome=maybe&network=203.0.113.0/99",
    ready: "can’t be “maybe”",
  },
  { name: "activity-million", scenario: "million", hash: "#/activity", ready: "1,000,000 events" },
  {
    name: "activity-accounts",
    scenario: "attack",
    hash: "#/activity?outcome=failed,refused&by=account",
    ready: "Most refused",
  },
  {
    name: "activity-hours",
    scenario: "worst",
    hash: "#/activity?by=hour",
    ready: "Most refused",
  },
  {
    name: "activity-complete",
    scenario: "well",
    hash: "#/activity",
    ready: "the newest",
    act: "complete",
  },
  {
    name: "activity-term",
    scenario: "attack",
    hash: "#/activity?-outcome=refused&account=anna@example.org",
    ready: "match.",
    act: "term",
  },
  {
    name: "activity-columns",
    scenario: "well",
    hash: "#/activity",
    ready: "the newest",
    act: "columns",
  },
  {
    name: "activity-views",
    scenario: "well",
    hash: "#/activity?since=today&outcome=refused",
    ready: "match",
    act: "views",
  },
  {
    name: "activity-export",
    scenario: "well",
    hash: "#/activity",
    ready: "the newest",
    act: "export",
  },
  {
    name: "activity-german",
    scenario: "attack",
    hash: "#/activity?since=7d&-outcome=allowed&reason=wrong_password&by=network",
    ready: "passen",
    language: "de",
  },
  {
    name: "activity-ukrainian",
    scenario: "attack",
    hash: "#/activity?since=7d&-outcome=allowed&account=anna@example.org",
    ready: "Збіга",
    language: "uk",
  },
  {
    name: "activity-none",
    scenario: "well",
    hash: "#/activity?text=nothing-like-this",
    ready: "No event matches",
  },
  {
    name: "activity-filter-open",
    scenario: "well",
    hash: "#/activity",
    ready: "Activity",
    act: "filter",
  },
  { name: "event", scenario: "attack", hash: event(4000), ready: "Facts" },
  { name: "event-block", scenario: "attack", hash: event(3995), ready: "Facts", act: "block" },
  {
    name: "event-block-network",
    scenario: "attack",
    hash: event(3995),
    ready: "Facts",
    act: "network",
  },
  { name: "event-offline", scenario: "offline", hash: event(3995), ready: "can't be reached now" },
  { name: "event-toast", scenario: "attack", hash: event(3995), ready: "Facts", act: "toast" },
  { name: "event-gone", scenario: "well", hash: event(9), ready: "Facts" },
  { name: "event-auditor", scenario: "auditor", hash: event(4000), ready: "reads only" },
  {
    name: "activity-empty",
    scenario: "empty",
    hash: "#/activity",
    ready: "Nothing has happened yet",
  },
  { name: "activity-worst", scenario: "worst", hash: "#/activity", ready: "Activity" },
  { name: "event-worst", scenario: "worst", hash: event(398), ready: "Facts" },
  { name: "activity-slow", scenario: "slow", hash: "#/activity", ready: "Activity" },
  { name: "activity-broken", scenario: "broken", hash: "#/activity", ready: "could not be read" },
  { name: "activity-offline", scenario: "offline", hash: "#/activity", ready: "Activity" },
  {
    name: "activity-signed-out",
    scenario: "signed-out",
    hash: "#/activity",
    ready: "session ended",
  },
  { name: "shortcuts", scenario: "well", hash: "#/activity", ready: "Activity", act: "shortcuts" },
  { name: "palette", scenario: "well", hash: "#/activity", ready: "Activity", act: "palette" },
  { name: "account-menu", scenario: "well", hash: "#/activity", ready: "Activity", act: "menu" },

  { name: "blocks", scenario: "attack", hash: "#/blocks", ready: "in force" },
  { name: "block", scenario: "attack", hash: "#/blocks/b2", ready: "Show what it refused" },
  {
    name: "block-offline",
    scenario: "offline",
    hash: "#/blocks/b2",
    ready: "can't be reached now",
  },
  { name: "block-new", scenario: "attack", hash: "#/blocks/new", ready: "Block someone" },
  { name: "blocks-empty", scenario: "empty", hash: "#/blocks", ready: "Nobody is blocked" },
  { name: "blocks-worst", scenario: "worst", hash: "#/blocks", ready: "in force" },
  { name: "block-worst", scenario: "worst", hash: "#/blocks/wb0", ready: "Show what it refused" },
  { name: "blocks-broken", scenario: "broken", hash: "#/blocks", ready: "could not be read" },

  {
    name: "settings-notifications",
    scenario: "well",
    hash: "#/settings/notifications",
    ready: "On this desktop",
  },
  { name: "settings-lock", scenario: "well", hash: "#/settings/lock", ready: "Passphrase" },
  {
    name: "settings-lock-set",
    scenario: "well",
    hash: "#/settings/lock",
    ready: "Passphrase",
    act: "passphrase",
  },
  { name: "settings-appearance", scenario: "well", hash: "#/settings/appearance", ready: "Theme" },
  {
    name: "settings-logs",
    scenario: "well",
    hash: "#/settings/logs",
    ready: "events stored",
  },
  {
    name: "settings-logs-worst",
    scenario: "worst",
    hash: "#/settings/logs",
    ready: "212 lines not understood",
  },
  {
    name: "settings-organization",
    scenario: "well",
    hash: "#/settings/organization",
    ready: "Color of the hosted pages",
  },
  {
    name: "settings-organization-worst",
    scenario: "worst",
    hash: "#/settings/organization",
    ready: "Farbe der Anmeldeseiten",
    language: "de",
  },
  {
    name: "settings-organization-color",
    scenario: "well",
    hash: "#/settings/organization",
    ready: "Color of the hosted pages",
    act: "wrong-color",
  },
  { name: "settings-mail", scenario: "well", hash: "#/settings/mail", ready: "How mail leaves" },
  { name: "settings-mail-relay", scenario: "relay", hash: "#/settings/mail", ready: "Host" },
  {
    name: "settings-factors",
    scenario: "well",
    hash: "#/settings/factors",
    ready: "Second factors",
  },
  {
    name: "settings-authenticator",
    scenario: "well",
    hash: "#/settings/factors",
    ready: "Second factors",
    act: "authenticator",
  },
  {
    name: "settings-again",
    scenario: "again",
    hash: "#/settings/factors",
    ready: "Second factors",
    act: "again",
  },
  { name: "settings-devices", scenario: "well", hash: "#/settings/devices", ready: "This device" },
  {
    name: "settings-devices-worst",
    scenario: "worst",
    hash: "#/settings/devices",
    ready: "This device",
  },
  {
    name: "settings-devices-empty",
    scenario: "empty",
    hash: "#/settings/devices",
    ready: "No devices",
  },
  {
    name: "settings-devices-offline",
    scenario: "offline",
    hash: "#/settings/devices",
    ready: "Try again",
  },
  { name: "settings-servers", scenario: "well", hash: "#/settings/servers", ready: "Connected" },
  {
    name: "settings-servers-empty",
    scenario: "empty",
    hash: "#/settings/servers",
    ready: "Not connected",
  },
  { name: "settings-about", scenario: "well", hash: "#/settings/about", ready: "Data folder" },
  {
    name: "settings-about-worst",
    scenario: "worst",
    hash: "#/settings/about",
    ready: "Data folder",
  },
  {
    name: "settings-broken",
    scenario: "broken",
    hash: "#/settings/mail",
    ready: "could not be read",
  },
  { name: "services-inbox", scenario: "services", hash: "#/inbox", ready: "Choir of St. Mary" },
  {
    name: "services-switcher",
    scenario: "services",
    hash: "#/inbox",
    ready: "Choir of St. Mary",
    act: "switcher",
  },
  {
    name: "services-settings",
    scenario: "services",
    hash: "#/settings/services",
    ready: "Certificate that you trusted",
  },
  {
    name: "services-add",
    scenario: "services",
    hash: "#/settings/services/add",
    ready: "Address of the service",
  },
  {
    name: "services-untrusted",
    scenario: "services",
    hash: "#/settings/services/add",
    ready: "Address of the service",
    act: "untrusted",
  },
  {
    name: "services-changed",
    scenario: "services",
    hash: "#/settings/services",
    ready: "Compare certificates",
    act: "trust",
  },

  ...backupCases,
  ...peopleCases,
  ...draftCases,
  ...policyCases,
];
