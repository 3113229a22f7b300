import type { GroupBy, GroupOrder } from "$host/host";
import { address } from "$lib/router.svelte";
import { columnNames, type ColumnName, usualColumns } from "./columns";
import { type Criteria, type Field, type Term, termOf, valuesOf } from "./criteria";
import { isBackward, type PageSpan, readMoment, readRelative, writeRelative } from "./span";
import { type Fault, readValue } from "./text";

/** All that the page's address holds, but for the event in the drawer. */
export interface Place {
  criteria: Criteria;
  /** Undefined: the events themselves. */
  by: GroupBy | undefined;
  order: GroupOrder;
  /** Undefined: the usual ones, as many as there is room for. */
  columns: readonly ColumnName[] | undefined;
}

export const groupings: readonly GroupBy[] = ["account", "network", "hour"];
export const orders: readonly GroupOrder[] = ["newest", "most", "refused"];

const fields: readonly Field[] = [
  "account",
  "domain",
  "network",
  "device",
  "protocol",
  "outcome",
  "reason",
  "kind",
  "text",
];

/** Reads an address; what can't be meant is left out and told. */
export function readPlace(query: URLSearchParams): Place & { faults: Fault[] } {
  const terms: Term[] = [];
  const faults: Fault[] = [];
  for (const [name, value] of query) {
    const not = name.startsWith("-");
    const plain = not ? name.slice(1) : name;
    const field = fields.find((known) => known === plain);
    if (field === undefined) continue;
    const values: string[] = [];
    for (const one of field === "text" ? [value] : split(value)) {
      const read = readValue(field, one);
      if (typeof read === "string") values.push(read);
      else faults.push(read);
    }
    const term = termOf(field, values, not);
    if (term) terms.push(term);
  }
  const span = readSpan(query, faults);
  const by = groupings.find((known) => known === query.get("by"));
  return {
    criteria: { span, terms },
    by,
    order: orders.find((known) => known === query.get("order")) ?? usualOrder(by),
    columns: readColumns(query.get("columns")),
    faults,
  };
}

/** Hours are read along the time, the rest by how often. */
export function usualOrder(by: GroupBy | undefined): GroupOrder {
  return by === "hour" ? "newest" : "most";
}

function readSpan(query: URLSearchParams, faults: Fault[]): PageSpan | undefined {
  const since = query.get("since");
  if (since) {
    const span = readRelative(since);
    if (!span) faults.push({ kind: "no_time", value: since });
    return span;
  }
  const moment = (name: string) => {
    const text = query.get(name);
    if (!text) return null;
    const at = readMoment(text);
    if (at === undefined) faults.push({ kind: "no_time", value: text });
    return at ?? null;
  };
  const from = moment("from");
  const until = moment("until");
  if (from === null && until === null) return undefined;
  if (!isBackward(from, until)) return { kind: "between", from, until };
  faults.push({ kind: "backward" });
  return undefined;
}

function readColumns(text: string | null): readonly ColumnName[] | undefined {
  const named = text?.split(",") ?? [];
  const known = [...new Set(named)].filter((name): name is ColumnName =>
    columnNames.some((column) => column === name),
  );
  return known.length > 0 ? known : undefined;
}

/** The address of a place, with the event in the drawer. */
export function placeAddress(place: Place, event?: string): string {
  const query = new URLSearchParams();
  writeSpan(query, place.criteria.span);
  for (const term of place.criteria.terms) {
    const name = `${term.not ? "-" : ""}${term.test.kind}`;
    const text =
      term.test.kind === "text" ? term.test.words : valuesOf(term).map(escaped).join(",");
    query.append(name, text);
  }
  if (place.by) {
    query.set("by", place.by);
    if (place.order !== usualOrder(place.by)) query.set("order", place.order);
  }
  if (place.columns && place.columns.join() !== usualColumns.join())
    query.set("columns", place.columns.join(","));
  return address(event === undefined ? ["activity"] : ["activity", event], query);
}

function writeSpan(query: URLSearchParams, span: PageSpan | undefined) {
  if (!span) return;
  const relative = writeRelative(span);
  if (relative !== undefined) query.set("since", relative);
  if (span.kind !== "between") return;
  if (span.from !== null) query.set("from", span.from);
  if (span.until !== null) query.set("until", span.until);
}

const escaped = (value: string) => value.replaceAll(/[\\,]/g, "\\$&");

function split(text: string): string[] {
  return (text.match(/(?:\\.|[^,])+/g) ?? []).map((value) => value.replaceAll(/\\(.)/g, "$1"));
}
