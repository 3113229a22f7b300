import type { Protocol, Timeline } from "$host/host";

/** What happened from `from` until `until`, in milliseconds. */
export interface Step {
  from: number;
  until: number;
  allowed: number;
  failed: number;
  refused: number;
}

const MOST = 400;

/** Every step of a timeline, those in which nothing happened, too; of one protocol or of all together. */
export function steps(timeline: Timeline, until: number, protocol?: Protocol): Step[] {
  const width = timeline.step_seconds * 1000;
  const begin = Date.parse(timeline.from);
  if (!(width > 0)) return [];
  const count = Math.min(MOST, Math.max(1, Math.ceil((until - begin) / width)));
  const all = Array.from({ length: count }, (_, index) => ({
    from: begin + index * width,
    until: begin + (index + 1) * width,
    allowed: 0,
    failed: 0,
    refused: 0,
  }));
  for (const point of timeline.points) {
    if (protocol && point.protocol !== protocol) continue;
    const step = all[Math.floor((Date.parse(point.at) - begin) / width)];
    if (!step) continue;
    step.allowed += point.allowed;
    step.failed += point.failed;
    step.refused += point.refused;
  }
  return all;
}
