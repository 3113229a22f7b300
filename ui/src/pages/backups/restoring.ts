import { m } from "$messages";
import { plural } from "$lib/format";

/** "Restored 2026-11-28": when it came back stands in the folder's name. */
export function stampedFolder(now: Date): string {
  const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()];
  return m.review_stamped({ day: day.map((part) => String(part).padStart(2, "0")).join("-") });
}

/** Whether a path is that of a message: it lies in the `cur` or `new` of a Maildir. */
export function isMessage(path: string): boolean {
  return /\/(?:cur|new)\/[^/]+$/.test(path);
}

/** What is put back or written out, in words: "12 messages", "a folder". */
export function whatOf(paths: readonly string[]): string {
  const [first] = paths;
  if (first === undefined || isMessage(first)) return m.backups_messages(plural(paths.length));
  return first.includes("/Maildir") ? m.review_what_folder() : m.review_what_account();
}
