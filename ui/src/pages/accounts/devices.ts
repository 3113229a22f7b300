import type { Event } from "$host/host";

/** A program or device as it calls itself. */
export interface Device {
  name: string;
  times: number;
  lastAt: number;
}

/** What signed in, the last one first. */
export function devicesOf(events: readonly Event[]): Device[] {
  const found = new Map<string, Device>();
  for (const { at, body } of events) {
    if (body.type !== "sign_in" || body.outcome !== "succeeded" || !body.client) continue;
    const device = found.get(body.client) ?? { name: body.client, times: 0, lastAt: 0 };
    device.times += 1;
    device.lastAt = Math.max(device.lastAt, Date.parse(at));
    found.set(body.client, device);
  }
  return [...found.values()].toSorted((a, b) => b.lastAt - a.lastAt);
}
