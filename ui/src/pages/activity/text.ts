import { isNetwork, networkProblem } from "$lib/network";
import {
  closed,
  type ClosedField,
  type Criteria,
  type Field,
  isClosed,
  type Term,
  termOf,
  valuesOf,
} from "./criteria";
import { isBackward, type PageSpan, readMoment, readRelative, writeRelative } from "./span";

/** Why a part of a typed text can't be taken. */
export type Fault =
  | { kind: "unknown_field"; field: string; text: string }
  | { kind: "no_value"; field: FieldWord }
  | { kind: "no_such_value"; field: ClosedField; value: string }
  | { kind: "no_network"; value: string; why: string }
  | { kind: "no_time"; value: string }
  | { kind: "backward" }
  | { kind: "time_not" };

export interface Parsed extends Criteria {
  faults: Fault[];
}

/** What stands before a colon. */
export type FieldWord = Field | "since" | "until" | "time";

/** Words of the reader's language beside those that always work. */
export interface Vocabulary {
  fields: Partial<Record<FieldWord, readonly string[]>>;
  values: Partial<Record<ClosedField, Record<string, string>>>;
}

const NO_WORDS: Vocabulary = { fields: {}, values: {} };

const words: Record<FieldWord, readonly string[]> = {
  account: ["account", "login", "user"],
  domain: ["domain"],
  network: ["network", "from", "address", "ip", "net"],
  device: ["device", "client"],
  protocol: ["protocol", "by"],
  outcome: ["outcome"],
  reason: ["reason", "why"],
  kind: ["kind", "type"],
  text: ["text", "words"],
  time: ["time", "last"],
  since: ["since", "after"],
  until: ["until", "before"],
};

export const fieldWords = Object.keys(words) as FieldWord[];

/** One part of a typed text, between spaces. */
export interface Token {
  /** Where it begins in the text. */
  start: number;
  raw: string;
  not: boolean;
  /** What stands before the colon; undefined for a bare word. */
  field: string | undefined;
  /** What follows it, still with its quotes. */
  rest: string;
}

/** Splits a typed text at its spaces, but for those within quotes. */
export function tokens(text: string): Token[] {
  const found: Token[] = [];
  for (const match of text.matchAll(/(?:"(?:[^"\\]|\\.)*"?|[^\s"])+/g)) {
    const raw = match[0];
    const not = raw.length > 1 && raw.startsWith("-");
    const body = not ? raw.slice(1) : raw;
    const [, field, rest] = /^(\p{L}[\p{L}_-]*):(.*)$/su.exec(body) ?? [];
    found.push({ start: match.index, raw, not, field, rest: rest ?? body });
  }
  return found;
}

/** The field that a word means; undefined if it means none. */
export function fieldNamed(word: string, vocabulary = NO_WORDS): FieldWord | undefined {
  const plain = folded(word);
  return fieldWords.find(
    (field) =>
      words[field].includes(plain) ||
      vocabulary.fields[field]?.some((other) => folded(other) === plain),
  );
}

const folded = (word: string) => word.toLowerCase().replaceAll(/[\s_-]/g, "");

/** Reads what was typed into the filter bar. Parts with a fault are left out and told. */
export function parse(text: string, vocabulary = NO_WORDS): Parsed {
  const all = tokens(text);
  const reading = new Reading(vocabulary);
  for (const [index, token] of all.entries()) {
    const next = all[index + 1];
    const introduces = fieldNamed(token.raw, vocabulary) === "network";
    if (introduces && token.field === undefined && next && isNetwork(next.raw)) continue;
    reading.take(token);
  }
  return reading.finish();
}

class Reading {
  readonly #vocabulary: Vocabulary;
  readonly #terms: Term[] = [];
  readonly #faults: Fault[] = [];
  #span: PageSpan | undefined;
  /** Where the bare words stand among the terms. */
  #words: { at: number; list: string[] } | undefined;

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  take(token: Token) {
    const { raw, rest, not } = token;
    const bare = not ? raw.slice(1) : raw;
    if (token.field === undefined || isNetwork(bare)) {
      this.#takeBare(bare, not);
      return;
    }
    const field = fieldNamed(token.field, this.#vocabulary);
    if (field === undefined) {
      this.#faults.push({ kind: "unknown_field", field: token.field, text: bare });
      return;
    }
    const values = splitValues(rest);
    if (values.length === 0) this.#faults.push({ kind: "no_value", field });
    else if (field === "time" || field === "since" || field === "until")
      this.#takeTime(field, values.join(","), not);
    else this.#takeField(field, values, not);
  }

  finish(): Parsed {
    if (this.#words)
      this.#terms.splice(this.#words.at, 0, {
        not: false,
        test: { kind: "text", words: this.#words.list.join(" ") },
      });
    const span = this.#span;
    if (span?.kind === "between" && isBackward(span.from, span.until)) {
      this.#faults.push({ kind: "backward" });
      this.#span = undefined;
    }
    return { span: this.#span, terms: this.#terms, faults: this.#faults };
  }

  #takeBare(bare: string, not: boolean) {
    if (bare.startsWith('"')) {
      this.#push(termOf("text", [unquoted(bare)], not));
    } else if (isNetwork(bare) || looksLikeNetwork(bare)) {
      this.#takeField("network", [bare], not);
    } else if (/^@[^\s@]+$/.test(bare)) {
      this.#takeField("domain", [bare], not);
    } else if (/^[^\s@]+@[^\s@]*$/.test(bare)) {
      this.#takeField("account", [bare], not);
    } else if (not) {
      this.#push(termOf("text", [unquoted(bare)], true));
    } else {
      this.#words ??= { at: this.#terms.length, list: [] };
      this.#words.list.push(unquoted(bare));
    }
  }

  #takeField(field: Field, values: string[], not: boolean) {
    const read: string[] = [];
    for (const value of values) {
      const taken = readValue(field, value, this.#vocabulary);
      if (typeof taken === "string") read.push(taken);
      else this.#faults.push(taken);
    }
    this.#push(termOf(field, read, not));
  }

  #takeTime(field: "time" | "since" | "until", value: string, not: boolean) {
    if (not) {
      this.#faults.push({ kind: "time_not" });
      return;
    }
    const relative = field === "until" ? undefined : readRelative(value);
    const day = field === "time" ? readDay(value) : undefined;
    const moment = field === "time" ? undefined : readMoment(value);
    if (relative ?? day) this.#span = relative ?? day;
    else if (moment !== undefined) {
      const before = this.#span?.kind === "between" ? this.#span : { from: null, until: null };
      this.#span =
        field === "since"
          ? { kind: "between", from: moment, until: before.until }
          : { kind: "between", from: before.from, until: moment };
    } else this.#faults.push({ kind: "no_time", value });
  }

  #push(term: Term | undefined) {
    if (term) this.#terms.push(term);
  }
}

/** One value of a field as the filter holds it, or why it is none. */
export function readValue(field: Field, value: string, vocabulary = NO_WORDS): string | Fault {
  if (isClosed(field)) {
    const plain = folded(value);
    const labels = vocabulary.values[field] ?? {};
    return (
      closed[field].find(
        (known) => folded(known) === plain || folded(labels[known] ?? "") === plain,
      ) ?? { kind: "no_such_value", field, value }
    );
  }
  if (field === "network") {
    const why = networkProblem(value);
    return why === undefined ? value.trim().toLowerCase() : { kind: "no_network", value, why };
  }
  if (field === "domain") return value.trim().toLowerCase().replace(/^@/, "");
  return field === "account" ? value.trim().toLowerCase() : value.trim();
}

/** A whole day, `2026-11-24`, or two ends, `2026-11-24..2026-11-26`. */
function readDay(value: string): PageSpan | undefined {
  const [first = "", last, ...more] = value.split("..");
  const from = readMoment(first);
  const until = last === undefined ? undefined : readMoment(last);
  if (from === undefined || more.length > 0) return undefined;
  if (last !== undefined) return until === undefined ? undefined : { kind: "between", from, until };
  if (first.trim().length > 10) return undefined;
  const next = new Date(from);
  next.setDate(next.getDate() + 1);
  return { kind: "between", from, until: next.toISOString() };
}

/** Numbers and dots that were meant as an address, so that the fault can be told. */
function looksLikeNetwork(text: string): boolean {
  return /^\d+(\.\d+){3}(\/\S*)?$/.test(text) || /^[\da-f:.]*[:.][\da-f:.]*\/\d+$/i.test(text);
}

/** The values between commas, without their quotes. */
export function splitValues(text: string): string[] {
  return (text.match(/(?:"(?:[^"\\]|\\.)*"?|[^,"])+/g) ?? [])
    .map((value) => unquoted(value.trim()))
    .filter((value) => value !== "");
}

function unquoted(text: string): string {
  return text.replaceAll(/"((?:[^"\\]|\\.)*)"?/g, (_, inner: string) =>
    inner.replaceAll(/\\(.)/g, "$1"),
  );
}

/** One value as it may stand in a text. */
export function quoted(value: string): string {
  return value !== "" && !/[\s",\\]/.test(value)
    ? value
    : `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
}

function asQuote(value: string): string {
  return `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** A filter as one would type it: `parse` reads it back. */
export function write({ span, terms }: Criteria): string {
  let bareWords = false;
  const parts = terms.map((term) => {
    const sign = term.not ? "-" : "";
    if (term.test.kind !== "text")
      return `${sign}${term.test.kind}:${valuesOf(term).map(quoted).join(",")}`;
    const text = term.test.words;
    const isBare = !bareWords && !term.not && isPlain(text);
    bareWords ||= isBare;
    return isBare ? text : `${sign}${asQuote(text)}`;
  });
  return [...(span ? [writeSpan(span)] : []), ...parts].join(" ");
}

function writeSpan(span: PageSpan): string {
  const relative = writeRelative(span);
  if (relative !== undefined || span.kind !== "between") return `time:${relative ?? ""}`;
  return [
    ...(span.from === null ? [] : [`since:${span.from}`]),
    ...(span.until === null ? [] : [`until:${span.until}`]),
  ].join(" ");
}

/** Whether words may stand without quotes and still be read as just these words. */
function isPlain(text: string): boolean {
  if (/["\\]/.test(text) || text !== text.trim() || /\s{2}|[^\S ]/.test(text)) return false;
  const { terms, faults, span } = parse(text);
  const [only] = terms;
  return (
    faults.length === 0 &&
    span === undefined &&
    terms.length === 1 &&
    only?.test.kind === "text" &&
    !only.not &&
    only.test.words === text
  );
}
