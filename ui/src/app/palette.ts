import { m } from "$messages";
import type { Alert, SavedView } from "$host/host";
import type { IconName } from "$components/icons";
import { isNetwork } from "$lib/network";
import { address } from "$lib/router.svelte";
import { alertTitle } from "$lib/words/alerts";
import { type Findable, ranked } from "./rank";

/** Something that one can go to or do from anywhere. */
export interface Entry extends Findable {
  /** Tells it from the others, also the next time. */
  id: string;
  /** Where it belongs: what heads its part of the list. */
  group: string;
  icon: IconName;
  /** The keys that do the same without the palette. */
  keys?: string;
  /** An address to go to, or what to do. */
  act: string | (() => void);
}

export interface Part {
  name: string;
  entries: Entry[];
}

/** Of one group, when one has typed something; all of them stand there while nothing is typed. */
const SHOWN_OF_A_GROUP = 8;
const SHOWN_LATELY = 4;

/**
 * What matches, in groups: the one with the best match first, and in each the best first. While
 * nothing is typed: what was used lately, and then everything.
 */
export function parts(entries: readonly Entry[], typed: string, recent: readonly string[]): Part[] {
  const found = ranked(entries, typed, recent);
  if (typed.trim() !== "") return grouped(found, SHOWN_OF_A_GROUP);
  const lately = recent
    .flatMap((id) => found.find((entry) => entry.id === id) ?? [])
    .slice(0, SHOWN_LATELY);
  return [
    ...(lately.length > 0 ? [{ name: m.app_palette_lately(), entries: lately }] : []),
    ...grouped(found.filter((entry) => !lately.includes(entry))),
  ];
}

function grouped(entries: readonly Entry[], atMost = Infinity): Part[] {
  const names = [...new Set(entries.map(({ group }) => group))];
  return names.map((name) => ({
    name,
    entries: entries.filter(({ group }) => group === name).slice(0, atMost),
  }));
}

/** What the typed text itself can mean: an address, accounts, words in the log. */
export function meanings(typed: string, accounts: readonly string[]): Entry[] {
  const text = typed.trim();
  if (text === "") return [];
  const activity = (label: string, query: Record<string, string>, icon: IconName): Entry => ({
    id: address(["activity"], query),
    label,
    group: m.app_page_activity(),
    icon,
    act: address(["activity"], query),
  });
  if (isNetwork(text))
    return [activity(m.app_palette_all_from({ network: text }), { network: text }, "globe")];
  return [
    ...accounts.slice(0, 5).map((login) => activity(login, { account: login }, "user")),
    activity(m.app_palette_events_with({ text }), { text }, "search"),
  ];
}

/** Open alerts, each with its own address. */
export function alertEntries(alerts: readonly Alert[]): Entry[] {
  return alerts.map((alert) => ({
    id: address(["alerts", alert.id]),
    label: alertTitle(alert),
    group: m.app_palette_open_alerts(),
    icon: "bell",
    act: address(["alerts", alert.id]),
  }));
}

/** Views that were kept, each at the address at which it was. */
export function viewEntries(views: readonly SavedView[]): Entry[] {
  return views.map(({ name, address: at }) => ({
    id: `#view ${name}`,
    label: name,
    group: m.app_palette_views(),
    icon: "filter",
    act: `#${at}`,
  }));
}
