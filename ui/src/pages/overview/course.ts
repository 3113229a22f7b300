import type { Protocol, Timeline } from "$host/host";

const HOUR = 3_600_000;

/** The times on offer: how long, and how many steps are wanted. */
export const ranges = [
  { value: "24h", span: 24 * HOUR, buckets: 96 },
  { value: "7d", span: 7 * 24 * HOUR, buckets: 84 },
  { value: "30d", span: 30 * 24 * HOUR, buckets: 120 },
  { value: "90d", span: 90 * 24 * HOUR, buckets: 90 },
] as const;
export type Range = (typeof ranges)[number];

export function rangeOf(query: URLSearchParams): Range {
  return ranges.find(({ value }) => value === query.get("range")) ?? ranges[0];
}

const known: Protocol[] = ["imap", "pop3", "submission", "sieve", "web", "api"];

export function protocolOf(query: URLSearchParams): Protocol | undefined {
  return known.find((protocol) => protocol === query.get("protocol"));
}

export interface Counts {
  allowed: number;
  failed: number;
  refused: number;
}

/** What each protocol comes to over the whole time, the busiest first, after all of them together. */
export function totals(timeline: Timeline): { protocol: Protocol | undefined; counts: Counts }[] {
  const all: Counts = { allowed: 0, failed: 0, refused: 0 };
  const each = new Map<Protocol, Counts>();
  for (const point of timeline.points) {
    const counts = each.get(point.protocol) ?? { allowed: 0, failed: 0, refused: 0 };
    each.set(point.protocol, counts);
    add(counts, point);
    add(all, point);
  }
  const sum = ({ allowed, failed, refused }: Counts) => allowed + failed + refused;
  return [
    { protocol: undefined, counts: all },
    ...[...each]
      .map(([protocol, counts]) => ({ protocol, counts }))
      .sort((a, b) => sum(b.counts) - sum(a.counts)),
  ];
}

function add(to: Counts, { allowed, failed, refused }: Counts) {
  to.allowed += allowed;
  to.failed += failed;
  to.refused += refused;
}
