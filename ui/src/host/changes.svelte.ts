import { host } from "$host";
import type { DataChanged } from "./host";

type Part = keyof DataChanged;

const revisions = $state<Record<Part, number>>({
  events: 0,
  alerts: 0,
  blocks: 0,
  accounts: 0,
  policy: 0,
  settings: 0,
  drafts: 0,
  backups: 0,
  other_alerts: 0,
});

/** Grows whenever this part of the local copy changed: read it where the part is fetched. */
export function revision(part: Part): number {
  return revisions[part];
}

/** Follows changes of the local copy; the returned function stops that. */
export function followChanges(): () => void {
  return host.onDataChanged((changed) => {
    for (const part of Object.keys(revisions) as Part[]) if (changed[part]) revisions[part] += 1;
  });
}
