import type { IconName } from "$components/icons";
import { isNetwork } from "$lib/network";
import { address } from "$lib/router.svelte";

/** Something that one can go to or do from anywhere. */
export interface Entry {
  label: string;
  /** Where it belongs, shown beside the label. */
  group: string;
  icon: IconName;
  /** An address to go to, or what to do. */
  act: string | (() => void);
}

/** The entries in which every typed word begins a word, in their own order. */
export function matching(entries: readonly Entry[], typed: string): Entry[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter(({ label, group }) => {
    const known = `${group} ${label}`.toLowerCase().split(/[\s›,@.-]+/);
    return words.every((word) => known.some((candidate) => candidate.startsWith(word)));
  });
}

/** What the typed text itself can mean: an address, accounts, words in the log. */
export function meanings(typed: string, accounts: readonly string[]): Entry[] {
  const text = typed.trim();
  if (text === "") return [];
  const activity = (label: string, query: Record<string, string>, icon: IconName): Entry => ({
    label,
    group: "Activity",
    icon,
    act: address(["activity"], query),
  });
  if (isNetwork(text)) return [activity(`All from ${text}`, { network: text }, "globe")];
  return [
    ...accounts.slice(0, 5).map((login) => activity(login, { account: login }, "user")),
    activity(`Events with “${text}”`, { text }, "search"),
  ];
}
