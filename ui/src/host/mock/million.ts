import type * as t from "../host";
import type { Host } from "../host";
import { matches } from "./matches";
import { EPOCH, events, iso } from "./seed";

/** How many events there are before any arrives. */
export const LONG_AGO = 1_000_000;
/** Events apart, on average: 90 days in all. */
const APART = Math.floor((90 * 86_400_000) / LONG_AGO);
/** What does not need to be found by place is looked for among so many of the newest. */
const LOOKED_AT = 20_000;

interface Means {
  /** What arrived since, newest first. */
  log: () => t.Event[];
  read: <T>(answer: () => T) => Promise<T>;
  now: number;
}

/** A million events, each made when it is asked for: by place that costs the same anywhere. */
export function million({ log, read, now }: Means) {
  const bodies = events(997, now, 7, true).map(({ body }) => body);
  const old = (index: number): t.Event => ({
    id: `${EPOCH}:${LONG_AGO - index}`,
    at: iso(now - 9_000 - index * APART),
    body: bodies[(index * 31) % bodies.length] as t.EventBody,
  });
  const at = (place: number) => {
    const fresh = log();
    return fresh[place] ?? old(place - fresh.length);
  };
  const total = () => LONG_AGO + log().length;
  const isAll = ({ span, terms = [] }: t.Filter) => !span && terms.length === 0;
  const passing = (filter: t.Filter) =>
    Array.from({ length: LOOKED_AT }, (_, place) => at(place)).filter((event) =>
      matches(event, filter),
    );
  const page = (filter: t.Filter, offset: number, limit: number): t.EventList => {
    if (!isAll(filter)) {
      const found = passing(filter);
      return { events: found.slice(offset, offset + limit), more: found.length > offset + limit };
    }
    const until = Math.min(total(), offset + limit);
    return {
      events: Array.from({ length: Math.max(0, until - offset) }, (_, index) => at(offset + index)),
      more: until < total(),
    };
  };
  return {
    events: ({ filter = {}, limit }) => read(() => page(filter, 0, limit)),
    eventsAt: (filter, offset, limit) => read(() => page(filter, offset, limit)),
    eventPosition: (filter, id) =>
      read(() => {
        const seq = Number(id.split(":")[1]);
        if (isAll(filter)) return Math.max(0, total() - seq);
        return passing(filter).filter((event) => Number(event.id.split(":")[1]) > seq).length;
      }),
    event: (id) =>
      read(() => {
        const place = total() - Number(id.split(":")[1]);
        return place >= 0 && place < total() ? at(place) : null;
      }),
    countEvents: async (filter, atMost) => {
      const counted = await read(() => {
        const events = isAll(filter) ? total() : passing(filter).length;
        return atMost !== null && events > atMost
          ? { events: atMost, exact: false }
          : { events, exact: true };
      });
      // As long as the real one may take.
      if (atMost === null) await new Promise((resolve) => setTimeout(resolve, 1_500));
      return counted;
    },
  } satisfies Partial<Host>;
}
