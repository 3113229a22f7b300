import type { MessageOrder, SnapshotId, StatePart } from "$host/host";
import { address } from "$lib/router.svelte";

/** Parts of the page that stand in the place of a snapshot. */
export const sections = ["snapshots", "targets", "copy", "search", "jobs"] as const;
export type Section = (typeof sections)[number];

/** What of the backups is shown. */
export type Place =
  | { kind: "standing" }
  | { kind: "snapshots" }
  | { kind: "targets" }
  | { kind: "copy" }
  | { kind: "search" }
  | { kind: "jobs"; job: string | undefined }
  | { kind: "compare"; from: SnapshotId; to: SnapshotId }
  | { kind: "mail"; snapshot: SnapshotId }
  | { kind: "state"; snapshot: SnapshotId; part: StatePart; record: string | undefined };

export const stateParts = [
  "accounts",
  "access_rules",
  "sending_limits",
  "known_networks",
  "admins",
  "blocks",
  "alerts",
  "events",
] as const satisfies StatePart[];

export function readPlace([first, second, third, fourth]: readonly string[]): Place {
  switch (first) {
    case undefined:
      return { kind: "standing" };
    case "snapshots":
    case "targets":
    case "copy":
    case "search":
      return { kind: first };
    case "jobs":
      return { kind: "jobs", job: second };
    case "compare":
      return second !== undefined && third !== undefined
        ? { kind: "compare", from: second, to: third }
        : { kind: "snapshots" };
    default:
      if (second !== "state") return { kind: "mail", snapshot: first };
      return {
        kind: "state",
        snapshot: first,
        part: stateParts.find((known) => known === third) ?? "accounts",
        record: fourth,
      };
  }
}

/** What of a snapshot's mail is shown. */
export interface MailQuery {
  /** The path of an account or a folder. */
  at: string | undefined;
  message: string | undefined;
  view: MessageViewName;
  order: MessageOrder;
  threads: boolean;
  history: boolean;
}

export const messageViews = ["message", "plain", "source", "headers"] as const;
export type MessageViewName = (typeof messageViews)[number];

export const orders = [
  "newest",
  "oldest",
  "largest",
  "from",
  "subject",
] as const satisfies MessageOrder[];

export function readMail(query: URLSearchParams): MailQuery {
  return {
    at: query.get("at") ?? undefined,
    message: query.get("message") ?? undefined,
    view: messageViews.find((known) => known === query.get("view")) ?? "message",
    order: orders.find((known) => known === query.get("order")) ?? "newest",
    threads: query.get("threads") === "1",
    history: query.get("history") === "1",
  };
}

export function mailAddress(snapshot: SnapshotId, shown: Partial<MailQuery>): string {
  const { at, message, view, order, threads, history } = shown;
  return address(["backups", snapshot], {
    at: message === undefined ? at : undefined,
    message,
    view: view === "message" ? undefined : view,
    order: order === "newest" ? undefined : order,
    threads: threads ? "1" : undefined,
    history: history && message !== undefined ? "1" : undefined,
  });
}

export function stateAddress(
  snapshot: SnapshotId,
  part: StatePart,
  record?: string,
  query: Record<string, string | undefined> = {},
): string {
  return address(
    ["backups", snapshot, "state", part, ...(record === undefined ? [] : [record])],
    query,
  );
}

export function searchAddress(text: string, account?: string, gone = false): string {
  return address(["backups", "search"], { q: text, account, gone: gone ? "1" : undefined });
}

/** Whether a path is this one or lies below it. */
export function isWithin(path: string, above: string): boolean {
  return path === above || path.startsWith(`${above}/`);
}

/** That of these paths which lies closest above. */
export function closest<Item extends { path: string }>(
  items: readonly Item[],
  path: string,
): Item | undefined {
  return items
    .filter((item) => isWithin(path, item.path))
    .toSorted((a, b) => b.path.length - a.path.length)[0];
}
