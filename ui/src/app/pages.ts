import type { Component } from "svelte";
import type { View } from "$host/host";
import { hasSeveral } from "$host/view.svelte";
import { m } from "$messages";
import type { IconName } from "$components/icons";
import Accounts from "../pages/accounts/Accounts.svelte";
import Admins from "../pages/admins/Admins.svelte";
import Audit from "../pages/admins/Audit.svelte";
import Keys from "../pages/admins/Keys.svelte";
import Activity from "../pages/activity/Activity.svelte";
import Alerts from "../pages/alerts/Alerts.svelte";
import Limits from "../pages/limits/Limits.svelte";
import Overview from "../pages/overview/Overview.svelte";
import Codes from "../pages/codes/Codes.svelte";
import Backups from "../pages/backups/Backups.svelte";
import Blocks from "../pages/blocks/Blocks.svelte";
import Inbox from "../pages/services/Inbox.svelte";
import Rules from "../pages/rules/Rules.svelte";
import Settings from "../pages/settings/Settings.svelte";

/** A page of the console: it stands in the sidebar, in the palette and among the keys. */
export interface PageEntry {
  /** The first segment of its address. */
  address: string;
  name: () => string;
  icon: IconName;
  component: Component;
  group: PageGroup;
  /** `g` and then this letter go there. */
  key: string;
  /** It is there only then. */
  when?: () => boolean;
  /** Something waits there, shown as a number beside the name. */
  waiting?: { count: (view: View) => number; label: () => string; calm?: boolean };
}

/** What belongs together in the sidebar, from top to bottom. */
const groups = ["watch", "protect", "administer"] as const;
export type PageGroup = (typeof groups)[number];

const openAlerts = { count: (view: View) => view.open_alerts, label: () => m.app_open() };

const drafts = {
  count: (view: View) => view.drafts,
  label: () => m.drafts_waiting(),
  calm: true,
};

const allOpenAlerts = {
  count: (view: View) => view.services.reduce((sum, service) => sum + service.open_alerts, 0),
  label: () => m.app_open(),
};

/** Every page, one a line, in the order of the sidebar; the first nine go by their digit, too. What is not always there stands last, so that it moves no digit. */
// prettier-ignore
export const pages: readonly PageEntry[] = [
  { group: "watch", address: "overview", key: "o", icon: "overview", name: () => m.app_page_overview(), component: Overview },
  { group: "watch", address: "alerts", key: "a", icon: "bell", name: () => m.app_page_alerts(), component: Alerts, waiting: openAlerts },
  { group: "watch", address: "activity", key: "t", icon: "activity", name: () => m.app_page_activity(), component: Activity },
  { group: "watch", address: "accounts", key: "c", icon: "user", name: () => m.app_page_accounts(), component: Accounts },
  { group: "protect", address: "blocks", key: "b", icon: "block", name: () => m.app_page_blocks(), component: Blocks },
  { group: "protect", address: "rules", key: "r", icon: "rules", name: () => m.app_page_rules(), component: Rules },
  { group: "protect", address: "limits", key: "m", icon: "limit", name: () => m.app_page_limits(), component: Limits },
  { group: "administer", address: "admins", key: "d", icon: "shield", name: () => m.app_page_admins(), component: Admins },
  { group: "administer", address: "keys", key: "k", icon: "key", name: () => m.app_page_keys(), component: Keys },
  { group: "administer", address: "audit", key: "l", icon: "lock", name: () => m.app_page_audit(), component: Audit },
  { group: "administer", address: "backups", key: "u", icon: "backup", name: () => m.backups_page(), component: Backups },
  { group: "administer", address: "settings", key: "s", icon: "settings", name: () => m.app_page_settings(), component: Settings, waiting: drafts },
  { group: "protect", address: "codes", key: "f", icon: "phone", name: () => m.codes_page(), component: Codes },
  { group: "watch", address: "inbox", key: "i", icon: "server", name: () => m.services_inbox_page(), component: Inbox, when: hasSeveral, waiting: allOpenAlerts },
];

/** The pages of each group that has any. */
export function grouped(): readonly (readonly PageEntry[])[] {
  return groups
    .map((group) => pages.filter((page) => page.group === group && (page.when?.() ?? true)))
    .filter((found) => found.length > 0);
}

export function groupName(group: PageGroup): string {
  switch (group) {
    case "watch":
      return m.app_group_watch();
    case "protect":
      return m.app_group_protect();
    case "administer":
      return m.app_group_administer();
  }
}

/** Where an address leads that names no page. */
export const startPage = "overview";
