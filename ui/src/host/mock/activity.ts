import type * as t from "../host";
import type { Host } from "../host";
import { addressOf, clientOf, loginOf, matches, outcomeOf, protocolOf } from "./matches";

type Activity = Pick<
  Host,
  | "events"
  | "eventsAt"
  | "eventPosition"
  | "event"
  | "countEvents"
  | "eventGroups"
  | "eventTimeline"
  | "complete"
  | "exportPath"
  | "chooseExportPath"
  | "exportEvents"
  | "cancelExport"
  | "savedViews"
  | "saveView"
  | "renameView"
  | "deleteView"
  | "onExportProgress"
>;

interface Means {
  /** Newest first. */
  log: () => t.Event[];
  read: <T>(answer: () => T) => Promise<T>;
  problem: (code: t.Code, message: string) => t.Problem;
}

const HOUR = 3_600_000;
const STEPS = [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];

/** What the desktop core answers from the local copy's events. */
export function activity({ log, read, problem }: Means): Activity {
  const passing = (filter: t.Filter = {}) => log().filter((event) => matches(event, filter));
  const page = (found: t.Event[], from: number, limit: number): t.EventList => ({
    events: found.slice(from, from + limit),
    more: found.length > from + limit,
  });
  return {
    events: ({ filter, before = null, after = null, limit }) =>
      read(() => {
        const found = passing(filter);
        const older =
          before === null ? found : found.filter((event) => seq(event.id) < seq(before));
        return page(
          after === null ? older : older.filter((event) => seq(event.id) > seq(after)),
          0,
          limit,
        );
      }),
    eventsAt: (filter, offset, limit) => read(() => page(passing(filter), offset, limit)),
    eventPosition: (filter, id) =>
      read(() => passing(filter).filter((event) => seq(event.id) > seq(id)).length),
    event: (id) => read(() => log().find((event) => event.id === id) ?? null),
    countEvents: (filter, atMost) =>
      read(() => {
        const events = passing(filter).length;
        const limit = atMost ?? events;
        return { events: Math.min(events, limit), exact: events <= limit };
      }),
    eventGroups: ({ filter, by, order, limit, offset = 0 }) =>
      read(() => {
        const groups = grouped(passing(filter), by).sort(orders[order]);
        return {
          groups: groups.slice(offset, offset + limit),
          more: groups.length > offset + limit,
        };
      }),
    eventTimeline: (query) => read(() => timeline(passing(query.filter), query)),
    ...exports(passing, problem),
    ...views(read, problem),
    complete: ({ field, text, limit }) =>
      read(() => {
        const counts = new Map<string, number>();
        for (const event of log()) {
          const value = fields[field](event);
          if (value?.toLowerCase().includes(text.trim().toLowerCase()))
            counts.set(value, (counts.get(value) ?? 0) + 1);
        }
        return [...counts]
          .map(([value, events]) => ({ value, events }))
          .sort((a, b) => b.events - a.events)
          .slice(0, limit);
      }),
  };
}

type Exports = Pick<
  Host,
  "exportPath" | "chooseExportPath" | "exportEvents" | "cancelExport" | "onExportProgress"
>;

/** A file is written in two seconds, or can't be where its path holds "nowhere". */
function exports(passing: (filter?: t.Filter) => t.Event[], problem: Means["problem"]): Exports {
  const listeners = new Set<(progress: t.ExportProgress) => void>();
  const running = new Map<string, ReturnType<typeof setInterval>>();
  const totals = new Map<string, t.ExportProgress>();
  const tell = (progress: t.ExportProgress) => {
    totals.set(progress.id, progress);
    if (progress.state.kind !== "running") {
      clearInterval(running.get(progress.id));
      running.delete(progress.id);
    }
    for (const listen of listeners) listen(progress);
  };
  const path = (format: t.ExportFormat) =>
    `/home/maria/Downloads/mailcup-events.${format === "csv" ? "csv" : "jsonl"}`;
  return {
    exportPath: (format) => Promise.resolve(path(format)),
    chooseExportPath: (format) => Promise.resolve(path(format)),
    exportEvents: ({ filter, path }) => {
      const id = `export${totals.size + 1}`;
      const total = passing(filter).length;
      let written = 0;
      const step = () => {
        if (path.includes("nowhere")) {
          const why = problem("storage_full", `${path} can't be written: no space is left.`);
          tell({ id, written, total, state: { kind: "failed", problem: why } });
          return;
        }
        written = Math.min(total, written + Math.ceil(total / 20));
        tell({
          id,
          written,
          total,
          state: written < total ? { kind: "running" } : { kind: "done", path },
        });
      };
      running.set(id, setInterval(step, 100));
      return Promise.resolve(id);
    },
    cancelExport: (id) => {
      const progress = totals.get(id);
      if (running.has(id))
        tell({ ...(progress ?? { id, written: 0, total: 0 }), state: { kind: "cancelled" } });
      return Promise.resolve(null);
    },
    onExportProgress: (listen) => {
      listeners.add(listen);
      return () => {
        listeners.delete(listen);
      };
    },
  };
}

type Views = Pick<Host, "savedViews" | "saveView" | "renameView" | "deleteView">;

function views(read: Means["read"], problem: Means["problem"]): Views {
  let saved: t.SavedView[] = [];
  return {
    savedViews: () => read(() => saved),
    saveView: (view) =>
      read(() => {
        saved = saved.some(({ name }) => name === view.name)
          ? saved.map((known) => (known.name === view.name ? view : known))
          : [...saved, view];
        return null;
      }),
    renameView: (name, newName) =>
      read(() => {
        if (name !== newName && saved.some((known) => known.name === newName))
          throw problem("invalid", `There is a view “${newName}” already.`);
        saved = saved.map((known) => (known.name === name ? { ...known, name: newName } : known));
        return null;
      }),
    deleteView: (name) =>
      read(() => {
        saved = saved.filter((known) => known.name !== name);
        return null;
      }),
  };
}

const seq = (id: string) => Number(id.split(":")[1]);

const hourOf = ({ at }: t.Event) =>
  new Date(Math.floor(Date.parse(at) / HOUR) * HOUR).toISOString().replace(".000Z", "Z");

const networkOf = ({ body }: t.Event) => {
  const address = addressOf(body);
  if (address === undefined) return undefined;
  if (!address.includes(":")) return `${address.split(".").slice(0, 3).join(".")}.0/24`;
  return `${address.split(":").slice(0, 4).join(":")}::/64`;
};

const fields: Record<t.CompletionField, (event: t.Event) => string | undefined> = {
  account: ({ body }) => loginOf(body),
  domain: ({ body }) => loginOf(body)?.split("@")[1],
  network: networkOf,
  device: ({ body }) => clientOf(body),
};

const keys: Record<t.GroupBy, (event: t.Event) => string | undefined> = {
  account: fields.account,
  network: networkOf,
  hour: hourOf,
};

const orders: Record<t.GroupOrder, (a: t.Group, b: t.Group) => number> = {
  newest: (a, b) => Date.parse(b.last_at) - Date.parse(a.last_at),
  most: (a, b) => b.events - a.events,
  refused: (a, b) => b.refused - a.refused,
};

function grouped(newestFirst: t.Event[], by: t.GroupBy): t.Group[] {
  const groups = new Map<string, t.Group>();
  for (const event of newestFirst) {
    const key = keys[by](event);
    if (key === undefined) continue;
    const group = groups.get(key) ?? {
      key,
      events: 0,
      allowed: 0,
      failed: 0,
      refused: 0,
      first_at: event.at,
      last_at: event.at,
    };
    group.events += 1;
    group.first_at = event.at;
    countOutcome(event.body, group);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function timeline(events: t.Event[], query: t.TimelineQuery): t.Timeline {
  const [from, until] = [Date.parse(query.from), Date.parse(query.until)];
  const wanted = (until - from) / 1000 / Math.min(Math.max(query.buckets, 1), 200);
  const stepSeconds = STEPS.find((step) => step >= wanted) ?? 86_400;
  const step = stepSeconds * 1000;
  const points = new Map<string, t.TimelinePoint>();
  for (const event of events) {
    const at = Date.parse(event.at);
    const protocol = protocolOf(event.body);
    if (protocol === undefined || at < from || at >= until) continue;
    const begins = new Date(Math.floor(at / step) * step).toISOString();
    const key = `${begins} ${protocol}`;
    const point = points.get(key) ?? { at: begins, protocol, allowed: 0, failed: 0, refused: 0 };
    countOutcome(event.body, point);
    points.set(key, point);
  }
  return {
    from: new Date(Math.floor(from / step) * step).toISOString(),
    step_seconds: stepSeconds,
    points: [...points.values()].sort((a, b) => Date.parse(a.at) - Date.parse(b.at)),
  };
}

function countOutcome(
  body: t.EventBody,
  counts: { allowed: number; failed: number; refused: number },
) {
  const outcome = "outcome" in body ? outcomeOf[body.outcome] : undefined;
  if (outcome === "allowed" || outcome === "failed" || outcome === "refused") counts[outcome] += 1;
}
