import type * as t from "../host";
import { indexHasAll, mirrorHolds, mirrors } from "./backups";
import { messageAt, sourceAt } from "./letters";
import {
  type Box,
  boxes,
  boxOf,
  countIn,
  folderPath,
  folders,
  hasAttachments,
  life,
  messageOf,
  messagePath,
  mixed,
  numbersIn,
  seenAt,
  senderOf,
  sizeOf,
  subjectOf,
  taken,
  threadOf,
  wordsOf,
} from "./mail";
import { audited, daysUntil, eventsOf, fieldChanges, parts, recordsAt } from "./past";
import { scenario } from "./scenario";
import * as seed from "./seed";

interface Needs {
  read: <T>(answer: () => T) => Promise<T>;
  write: <T>(answer: () => T) => Promise<T>;
  problem: (code: t.Code, message: string) => t.Problem;
}

const COUNTED_AT_ONCE = 1_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The snapshots of a mocked service, as its mirror shows them. */
export function reviewCommands({ read, write, problem }: Needs) {
  const find = (id: t.SnapshotId) => {
    const found = mirrors() ? taken.find((one) => one.id === id) : undefined;
    if (!found) throw problem("not_found", "This computer's copy holds no such snapshot.");
    return found;
  };
  const message = ({ snapshot, path }: t.MessageRequest) => {
    const { at } = find(snapshot);
    const it = messageOf(path);
    if (!it || seenAt(it.box, it.number, at) === undefined)
      throw problem("not_found", "There is no such message in this snapshot.");
    const why = unreadable(it.box, it.number);
    if (why) throw problem("unavailable", why);
    return { ...it, at };
  };
  return {
    snapshots: () => read(() => (mirrors() ? list() : { snapshots: [], damaged: [] })),
    mailboxes: (snapshot) =>
      read(() => {
        const { at } = find(snapshot);
        return boxes.map((box) => ({
          login: box.login,
          path: box.path,
          messages: countIn(box, at),
          bytes: countIn(box, at) * 41_000,
        }));
      }),
    mailFolders: (snapshot, path) =>
      read(() => {
        const { at } = find(snapshot);
        const box = boxOf(path);
        if (!box) throw problem("not_found", "There is no such account in this snapshot.");
        return folders.map((name) => {
          const numbers = numbersIn(box, name, at);
          const unread = numbers.filter((number) => life(box, number).hash % 9 === 0).length;
          return { name, path: folderPath(box, name), messages: numbers.length, unread };
        });
      }),
    messages: (query) => read(() => messages(query, find(query.snapshot).at)),
    message: (request) =>
      read(() => {
        const { box, number, at } = message(request);
        return messageAt(box, number, at);
      }),
    messageSource: (request) =>
      read(() => {
        const { box, number, at } = message(request);
        return sourceAt(box, number, at);
      }),
    saveAttachment: (request) => read(() => (message(request), null)),
    snapshotState: (query) => read(() => state(query, find(query.snapshot).at)),
    compareSnapshots: async (query) => {
      await pause(120);
      return read(() => compare(query, find(query.from), find(query.to)));
    },
    searchMail: (search) =>
      read(() => {
        if (!indexHasAll()) throw problem("unavailable", "The search is not switched on.");
        const { offset = 0, limit } = search;
        const hits = searched(search);
        const total = Math.min(hits.length, COUNTED_AT_ONCE);
        return {
          hits: hits.slice(offset, offset + limit),
          total,
          more: hits.length > total,
        };
      }),
    countMail: (search) => read(() => searched(search).length),
    mailExcerpts: ({ messages }) =>
      read(() =>
        messages.map(({ path }) => {
          const it = messageOf(path);
          return it ? wordsOf(it.box, it.number) : "";
        }),
      ),
    itemHistory: (item) => read(() => history(item, problem)),
    recordPreview: (request) => read(() => preview(request, find(request.snapshot).at)),
    putBackRecord: (put) =>
      write((): t.RecordPutBack => {
        const { record } = put;
        if (preview(record, find(record.snapshot).at).version !== put.version)
          return { kind: "stale" };
        putBack.set(`${record.part} ${record.key}`, find(record.snapshot).at);
        return { kind: "done", undo: null, trial: null };
      }),
    ...exporting({ read, problem }),
    chooseMailPath: (format) =>
      read(() => `/home/maria/Downloads/mailcup-mail${format === "mbox" ? ".mbox" : ""}`),
    chooseAttachmentPath: (name) => read(() => `/home/maria/Downloads/${name}`),
    chooseStatePath: (format) => read(() => `/home/maria/Downloads/mailcup-state.${format}`),
  } satisfies Partial<t.Host>;
}

/** Of which time a record stands at the service, if it was put back. */
const putBack = new Map<string, number>();

function preview({ part, key }: t.RecordRequest, at: number): t.RecordPreview {
  const then = recordsAt(part, at).find((record) => record.key === key);
  const standing = putBack.get(`${part} ${key}`) ?? Date.now();
  const now = recordsAt(part, standing).find((record) => record.key === key);
  const fields = fieldChanges(now, then).filter(({ name }) => name !== "version");
  const version = Number(now?.fields.find(({ name }) => name === "version")?.value ?? 1);
  return {
    at: seed.iso(at),
    does: !now ? "creates" : fields.length === 0 ? "nothing" : "changes",
    fields,
    version: now ? version : null,
  };
}

function list(): t.SnapshotList {
  const snapshots = taken.map(({ id, at }, index): t.SnapshotRow => {
    const messages = boxes.reduce((sum, box) => sum + countIn(box, at), 0);
    const known = scenario !== "worst" || index % 17 !== 5;
    return {
      id,
      at: seed.iso(at),
      host: scenario === "worst" ? "mail-server-of-the-honourable-society.example.org" : "mx1",
      bytes: messages * 41_000,
      stored: index === taken.length - 1 ? 980_000_000 : 4_000_000 + (mixed(index, 6) % 30_000_000),
      files: messages + 312,
      files_new: 40 + (mixed(index, 7) % 900),
      files_changed: 9 + (mixed(index, 8) % 60),
      counts: known
        ? {
            organization: "Example Association",
            version: "0.1.0",
            accounts: boxes.length,
            messages,
            mail_bytes: messages * 40_800,
            mail_from: seed.iso(at + 4_000),
            mail_until: seed.iso(at + 42_000),
            left_out: scenario === "worst" && index % 5 === 0 ? 3 : 0,
            rules: recordsAt("access_rules", at).length,
            limits: 1,
            admins: 2,
            blocks: recordsAt("blocks", at).length,
            alerts: 0,
            events: 48_000 - index * 240,
          }
        : null,
    };
  });
  return {
    snapshots,
    damaged:
      scenario === "worst"
        ? [
            {
              file_kind: "snapshot",
              file: "snapshots/9c1e4f7700aa41d2b6f0e8d1c35a7782c9b04f11de92ab3304c7f1e8aa55d310",
              what: "Its content is not what its name says: bits were flipped on the disk.",
            },
          ]
        : [],
  };
}

function unreadable(box: Box, number: number): string | null {
  if (!mirrorHolds(box.login))
    return "What stands in it is not in this computer's copy, which holds folders only.";
  return scenario === "worst" && life(box, number).hash % 47 === 11
    ? "The pack 4f1c9e02 is damaged: what is in it can't be read."
    : null;
}

function row(box: Box, number: number, at: number, depth = 0): t.MessageRow {
  const why = unreadable(box, number);
  const { born, hash } = life(box, number);
  return {
    path: messagePath(box, number, at),
    received_at: seed.iso(born),
    from: why ? "" : senderOf(box, number),
    subject: why ? "" : subjectOf(box, number),
    size: sizeOf(box, number),
    flags: seenAt(box, number, at)?.flags ?? [],
    attachments: !why && hasAttachments(hash),
    depth,
    unread_because: why,
  };
}

function messages(query: t.MessageQuery, at: number): t.MessageList {
  const { path, offset = 0, limit, order = "newest", threads = false } = query;
  const box = boxOf(path);
  const folder = box && folders.find((name) => folderPath(box, name) === path);
  if (!box || !folder) return { messages: [], total: 0, ordered: true };
  const numbers = numbersIn(box, folder, at);
  const byTime = order === "newest" || order === "oldest" || order === "largest";
  const ordered = byTime || indexHasAll();
  const sorted = sort(box, numbers, ordered ? order : "newest");
  const shown = threads ? threaded(box, sorted) : sorted.map((number) => ({ number, depth: 0 }));
  return {
    messages: shown
      .slice(offset, offset + Math.min(200, limit))
      .map(({ number, depth }) => row(box, number, at, depth)),
    total: numbers.length,
    ordered,
  };
}

function sort(box: Box, numbers: number[], order: t.MessageOrder): number[] {
  const text = (of: (box: Box, number: number) => string) =>
    numbers.toSorted((a, b) => of(box, a).localeCompare(of(box, b)) || b - a);
  switch (order) {
    case "newest":
      return numbers.toReversed();
    case "oldest":
      return numbers;
    case "largest":
      return numbers.toSorted((a, b) => sizeOf(box, b) - sizeOf(box, a));
    case "from":
      return text(senderOf);
    case "subject":
      return text(subjectOf);
  }
}

function threaded(box: Box, numbers: number[]) {
  const threads = new Map<number, { number: number; depth: number }[]>();
  for (const number of numbers) {
    const { root, depth } = threadOf(box, number);
    threads.set(root, [...(threads.get(root) ?? []), { number, depth }]);
  }
  return [...threads.values()].flatMap((thread) => {
    const inOrder = thread.toSorted((a, b) => a.number - b.number);
    const top = inOrder[0]?.depth ?? 0;
    return inOrder.map(({ number, depth }) => ({ number, depth: Math.max(0, depth - top) }));
  });
}

function state(
  { part, day, text = "", offset = 0, limit }: t.StateQuery,
  at: number,
): t.StateTable {
  const days = part === "events" ? daysUntil(at) : [];
  const all = part === "events" ? eventsOf(day ?? days[0] ?? "") : recordsAt(part, at);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter(({ key, fields }) => {
    const said = `${key} ${fields.map(({ value }) => value).join(" ")}`.toLowerCase();
    return words.every((word) => said.includes(word));
  });
  return { records: found.slice(offset, offset + limit), total: found.length, days };
}

type Spot = (typeof taken)[number];

function changesOf(box: Box, from: Spot, to: Spot): t.MessageChange[] {
  const found: t.MessageChange[] = [];
  for (let number = 0; number < box.total; number += 1) {
    const before = seenAt(box, number, from.at);
    const after = seenAt(box, number, to.at);
    const change = kindOfChange(before, after);
    if (!change) continue;
    const where = after ? to : from;
    const shown = row(box, number, where.at);
    const flags = { before: before?.flags ?? [], after: after?.flags ?? [] };
    found.push({
      change,
      account: box.login,
      folder: (after ?? before)?.folder ?? "",
      path: shown.path,
      snapshot: where.id,
      from_folder: change === "moved" ? (before?.folder ?? null) : null,
      flags_added:
        change === "flagged" ? flags.after.filter((it) => !flags.before.includes(it)) : [],
      flags_removed:
        change === "flagged" ? flags.before.filter((it) => !flags.after.includes(it)) : [],
      received_at: shown.received_at,
      from: shown.from,
      subject: shown.subject,
      size: shown.size,
    });
  }
  return found;
}

type Seen = ReturnType<typeof seenAt>;

function kindOfChange(before: Seen, after: Seen): t.MessageChangeKind | undefined {
  if (!before || !after) return before === after ? undefined : before ? "removed" : "added";
  if (before.folder !== after.folder) return "moved";
  return before.flags.join() === after.flags.join() ? undefined : "flagged";
}

function compare(query: t.ComparisonQuery, from: Spot, to: Spot): t.SnapshotComparison {
  const all = boxes.flatMap((box) => changesOf(box, from, to));
  const count = (list: t.MessageChange[], kind: t.MessageChangeKind) =>
    list.filter(({ change }) => change === kind).length;
  const counts = (list: t.MessageChange[]) => ({
    added: count(list, "added"),
    removed: count(list, "removed"),
    moved: count(list, "moved"),
    flagged: count(list, "flagged"),
    changed: count(list, "changed"),
  });
  const wanted = all
    .filter(
      ({ change, account }) =>
        (!query.changes?.length || query.changes.includes(change)) &&
        (!query.account || query.account === account),
    )
    .toSorted((a, b) => Date.parse(b.received_at) - Date.parse(a.received_at));
  const offset = query.offset ?? 0;
  return {
    accounts: boxes
      .map((box) => {
        const own = all.filter(({ account }) => account === box.login);
        return { login: box.login, ...counts(own), of: own.length };
      })
      .filter((account) => account.of > 0)
      .toSorted((a, b) => b.of - a.of)
      .map(({ of: _, ...account }) => account),
    ...counts(all),
    total: wanted.length,
    messages: wanted.slice(offset, offset + query.limit),
    records: recordChanges(from, to),
  };
}

function recordChanges(from: Spot, to: Spot): t.RecordChange[] {
  return parts.flatMap((part) => {
    const before = recordsAt(part, from.at);
    const after = recordsAt(part, to.at);
    const keys = new Set([...before, ...after].map(({ key }) => key));
    return [...keys].flatMap((key): t.RecordChange[] => {
      const [old, young] = [before, after].map((list) => list.find((it) => it.key === key));
      const fields = fieldChanges(old, young);
      if (fields.length === 0) return [];
      return [{ part, key, change: !old ? "added" : !young ? "removed" : "changed", fields }];
    });
  });
}

function searched({ text, account, gone = false }: t.MailSearch): t.MailHit[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const newest = taken[0];
  if (words.length === 0 || !newest) return [];
  const hits: t.MailHit[] = [];
  for (const box of boxes) {
    if (account && box.login !== account) continue;
    for (let number = box.total - 1; number >= 0; number -= 1) {
      const said = `${subjectOf(box, number)} ${senderOf(box, number)} ${wordsOf(box, number)}`;
      if (!words.every((word) => said.toLowerCase().includes(word))) continue;
      const held = taken.find(({ at }) => seenAt(box, number, at) !== undefined);
      if (!held || (gone && held === newest)) continue;
      hits.push(hit(box, number, held));
    }
  }
  return hits.sort((a, b) => Date.parse(b.received_at) - Date.parse(a.received_at));
}

function hit(box: Box, number: number, held: Spot): t.MailHit {
  const after = taken[taken.indexOf(held) - 1];
  const shown = row(box, number, held.at);
  return {
    snapshot: held.id,
    snapshot_at: seed.iso(held.at),
    path: shown.path,
    account: box.login,
    folder: seenAt(box, number, held.at)?.folder ?? "",
    received_at: shown.received_at,
    from: shown.from,
    subject: shown.subject,
    gone_at: after ? seed.iso(after.at) : null,
  };
}

function history(item: t.HistoryOf, problem: Needs["problem"]): t.ItemHistory {
  const steps =
    item.kind === "message" ? ofMessage(item.path, problem) : ofRecord(item.part, item.key);
  return { steps: steps.toReversed(), unread: scenario === "worst" ? 1 : 0 };
}

/** From the oldest snapshot on, each where it looks otherwise than before. */
function stepsOf<Seen>(
  look: (time: number) => Seen | undefined,
  change: (before: Seen | undefined, after: Seen | undefined) => t.HistoryChange | undefined,
  target: string,
): t.HistoryStep[] {
  let before: Seen | undefined;
  return taken.toReversed().flatMap((one, index, all) => {
    const after = look(one.at);
    const first = index === 0;
    const last = all[index - 1];
    const what =
      first && after ? change(undefined, after) : first ? undefined : change(before, after);
    before = after;
    if (!what) return [];
    const shown: t.HistoryChange =
      first && what.kind === "appeared" ? { ...what, kind: "there" } : what;
    return [
      {
        snapshot: one.id,
        at: seed.iso(one.at),
        after: last ? seed.iso(last.at) : null,
        change: shown,
        audit: last ? audited(target, last.at, one.at) : [],
      },
    ];
  });
}

function ofMessage(path: string, problem: Needs["problem"]): t.HistoryStep[] {
  const it = messageOf(path);
  if (!it) throw problem("not_found", "There is no such message.");
  const { box, number } = it;
  return stepsOf(
    (time) => seenAt(box, number, time),
    (before, after): t.HistoryChange | undefined => {
      if (!before || !after)
        return before ? { kind: "gone" } : after && { kind: "appeared", folder: after.folder };
      if (before.folder !== after.folder)
        return { kind: "moved", from: before.folder, to: after.folder };
      if (before.flags.join() === after.flags.join()) return undefined;
      return {
        kind: "flagged",
        added: after.flags.filter((flag) => !before.flags.includes(flag)),
        removed: before.flags.filter((flag) => !after.flags.includes(flag)),
      };
    },
    box.login,
  );
}

function ofRecord(part: t.StatePart, key: string): t.HistoryStep[] {
  return stepsOf(
    (time) => recordsAt(part, time).find((record) => record.key === key),
    (before, after): t.HistoryChange | undefined => {
      if (!before || !after)
        return before ? { kind: "gone" } : after && { kind: "appeared", folder: null };
      const fields = fieldChanges(before, after);
      return fields.length > 0 ? { kind: "changed", fields } : undefined;
    },
    key,
  );
}

function exporting({ read, problem }: Pick<Needs, "read" | "problem">) {
  let progress: t.BackupProgress | null = null;
  let cancelled = false;
  return {
    exportMail: async ({ paths }: t.MailExport): Promise<t.MailExported> => {
      const total = paths.some((path) => messageOf(path)) ? paths.length : 4_210;
      cancelled = false;
      for (let step = 0; step <= 12; step += 1) {
        progress = {
          bytes: step * total * 3_400,
          total_bytes: total * 41_000,
          files: Math.round((total * step) / 12),
          total_files: total,
        };
        await pause(180);
        if (cancelled) break;
      }
      progress = null;
      if (cancelled) throw problem("conflict", "The export was cancelled.");
      const troubles =
        scenario === "worst"
          ? [{ path: paths[0] ?? "", why: "The pack 4f1c9e02 is damaged." }]
          : [];
      return read(() => ({
        messages: total - troubles.length,
        bytes: total * 41_000,
        troubles,
        trouble_count: troubles.length,
      }));
    },
    mailExportProgress: () => read(() => progress),
    cancelMailExport: () =>
      read(() => {
        cancelled = true;
        return null;
      }),
    exportState: () => read(() => null),
  } satisfies Partial<t.Host>;
}
