import type { EventKind, Filter, OutcomeFilter, Protocol, Test } from "$host/host";
import { shortTime } from "$lib/format";
import { isNetwork } from "$lib/network";
import { kindName, outcomeName, protocolName } from "$lib/words";

/** What the reader asks for, as the address holds it. */
export interface Criteria {
  /** One of `spans`, or undefined. */
  since: Span | undefined;
  /** RFC 3339; only where `since` is not given. */
  from: string | undefined;
  until: string | undefined;
  account: string | undefined;
  network: string | undefined;
  protocols: Protocol[];
  outcomes: OutcomeFilter[];
  kinds: EventKind[];
  text: string | undefined;
}

const HOUR = 3_600_000;

export const spans = [
  { value: "1h", label: "Last hour", start: (now: number) => now - HOUR },
  { value: "today", label: "Today", start: (now: number) => new Date(now).setHours(0, 0, 0, 0) },
  { value: "24h", label: "Last 24 hours", start: (now: number) => now - 24 * HOUR },
  { value: "7d", label: "Last 7 days", start: (now: number) => now - 7 * 24 * HOUR },
  { value: "30d", label: "Last 30 days", start: (now: number) => now - 30 * 24 * HOUR },
] as const;
export type Span = (typeof spans)[number]["value"];

export function readCriteria(query: URLSearchParams): Criteria {
  const since = spans.find(({ value }) => value === query.get("since"))?.value;
  const several = <T extends string>(name: string, known: Record<T, string>) =>
    (query.get(name)?.split(",") ?? []).filter((value): value is T => Object.hasOwn(known, value));
  return {
    since,
    from: since ? undefined : moment(query.get("from")),
    until: since ? undefined : moment(query.get("until")),
    account: query.get("account") ?? undefined,
    network: query.get("network") ?? undefined,
    protocols: several("protocol", protocolName),
    outcomes: several("outcome", outcomeName),
    kinds: several("kind", kindName),
    text: query.get("text") ?? undefined,
  };
}

function moment(text: string | null): string | undefined {
  return text !== null && !Number.isNaN(Date.parse(text))
    ? new Date(text).toISOString()
    : undefined;
}

export function writeCriteria(criteria: Criteria): Record<string, string | undefined> {
  return {
    since: criteria.since,
    from: criteria.from,
    until: criteria.until,
    account: criteria.account,
    network: criteria.network,
    protocol: criteria.protocols.join(","),
    outcome: criteria.outcomes.join(","),
    kind: criteria.kinds.join(","),
    text: criteria.text,
  };
}

/** The filter that the local copy understands, as of `now`. */
export function eventFilter(criteria: Criteria, now: number): Filter {
  const span = spans.find(({ value }) => value === criteria.since);
  const from = span ? new Date(span.start(now)).toISOString() : (criteria.from ?? null);
  const until = criteria.until ?? null;
  const { account, network, text, protocols, outcomes, kinds } = criteria;
  const tests: Test[] = [];
  if (account !== undefined) tests.push({ kind: "account", any: [account] });
  if (network !== undefined) tests.push({ kind: "network", any: [network] });
  if (text !== undefined) tests.push({ kind: "text", words: text });
  if (protocols.length > 0) tests.push({ kind: "protocol", any: protocols });
  if (outcomes.length > 0) tests.push({ kind: "outcome", any: outcomes });
  if (kinds.length > 0) tests.push({ kind: "kind", any: kinds });
  return {
    span: from === null && until === null ? null : { kind: "between", from, until },
    terms: tests.map((test) => ({ not: false, test })),
  };
}

export function isFiltered(criteria: Criteria): boolean {
  return Object.values(writeCriteria(criteria)).some(Boolean);
}

/** What was typed into the one filter field: an address or network, an account, or words. */
export function typed(text: string): Partial<Pick<Criteria, "network" | "account" | "text">> {
  const trimmed = text.trim();
  if (trimmed === "") return {};
  if (isNetwork(trimmed)) return { network: trimmed };
  if (/^\S*@\S*$/.test(trimmed)) return { account: trimmed.toLowerCase() };
  return { text: trimmed };
}

/** The chosen time in words; undefined if all time is shown. */
export function timeWords(criteria: Criteria, now: number): string | undefined {
  const span = spans.find(({ value }) => value === criteria.since);
  if (span) return span.label;
  const from = criteria.from && shortTime(Date.parse(criteria.from), now);
  const until = criteria.until && shortTime(Date.parse(criteria.until), now);
  if (from && until) return `${from} – ${until}`;
  if (from) return `since ${from}`;
  return until ? `until ${until}` : undefined;
}

/** A time as a `datetime-local` field holds it, in the reader's zone; empty for none. */
export function fieldTime(time: string | undefined): string {
  if (time === undefined) return "";
  const at = new Date(time);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** What is wrong with a span that was typed; undefined if nothing. */
export function spanProblem(from: string, until: string): string | undefined {
  return from && until && Date.parse(from) >= Date.parse(until)
    ? "The end must be after the beginning."
    : undefined;
}

/** Chosen values in words: up to two by name. */
export function severalWords<T extends string>(
  chosen: readonly T[],
  names: Record<T, string>,
): string | undefined {
  if (chosen.length === 0) return undefined;
  if (chosen.length > 2) return `${chosen.length} chosen`;
  return chosen.map((value) => names[value]).join(", ");
}
