import type { CompletionField } from "$host/host";
import { closed, type ClosedField, isClosed } from "./criteria";
import { offered } from "./span";
import { fieldNamed, fieldWords, type FieldWord, quoted, tokens, type Vocabulary } from "./text";

/** What the text in the filter bar may become. */
export interface Suggestion {
  kind: "field" | "value" | "time" | "words";
  field: FieldWord;
  value: string;
  /** The text once it was chosen. */
  text: string;
  /** How often it occurs, where that is known. */
  events?: number;
}

/** What the core is asked for, to complete a text. */
export interface Question {
  field: CompletionField;
  text: string;
  limit: number;
}

const asked: readonly CompletionField[] = ["account", "network", "domain", "device"];
const isAsked = (field: FieldWord): field is CompletionField =>
  asked.some((other) => other === field);

/** The text before what is being typed, and what that is. */
interface Typing {
  before: string;
  sign: string;
  /** Undefined where no colon stands yet. */
  field: FieldWord | undefined;
  /** Values of the same term that stand already. */
  values: string;
  word: string;
}

function typing(text: string, vocabulary: Vocabulary): Typing {
  const last = /\s$/.test(text) || text === "" ? undefined : tokens(text).at(-1);
  if (!last) return { before: text, sign: "", field: undefined, values: "", word: "" };
  const before = text.slice(0, last.start);
  const sign = last.not ? "-" : "";
  const field = last.field === undefined ? undefined : fieldNamed(last.field, vocabulary);
  if (field === undefined)
    return { before, sign, field, values: "", word: last.not ? last.raw.slice(1) : last.raw };
  const comma = last.rest.lastIndexOf(",") + 1;
  return {
    before,
    sign,
    field,
    values: last.rest.slice(0, comma),
    word: last.rest.slice(comma).replace(/^"/, ""),
  };
}

/** What to ask the core for. */
export function questions(text: string, vocabulary: Vocabulary): Question[] {
  const { field, word } = typing(text, vocabulary);
  if (field !== undefined) return isAsked(field) ? [{ field, text: word, limit: 12 }] : [];
  if (word.length < 2 || /[":]$/.test(word)) return [];
  return [
    { field: "account", text: word, limit: 5 },
    ...(/^[\da-f.:/]+$/i.test(word) ? [{ field: "network" as const, text: word, limit: 3 }] : []),
    ...(word.startsWith("@") ? [{ field: "domain" as const, text: word.slice(1), limit: 3 }] : []),
    ...(word.length > 3 ? [{ field: "device" as const, text: word, limit: 2 }] : []),
  ];
}

/** What is on offer; `found` is what the core answered. */
export function suggestions(
  text: string,
  vocabulary: Vocabulary,
  found: readonly { field: CompletionField; value: string; events: number }[] = [],
): Suggestion[] {
  const now = typing(text, vocabulary);
  const put = (field: FieldWord, value: string) =>
    `${now.before}${now.sign}${field}:${now.values}${quoted(value)}`;
  const fromCore = found.map(({ field, value, events }): Suggestion => ({
    kind: "value",
    field,
    value,
    events,
    text: put(field, value),
  }));
  const { field } = now;
  if (field === "time" || field === "since" || field === "until")
    return times(now, vocabulary, put);
  if (field !== undefined)
    return isClosed(field) ? values(field, now.word, vocabulary, put) : fromCore;
  return [
    ...fieldsFor(now, vocabulary),
    ...(now.word.length < 2
      ? []
      : (Object.keys(closed) as ClosedField[]).flatMap((one) =>
          values(one, now.word, vocabulary, put),
        )),
    ...fromCore,
    ...words(text, now),
  ];
}

const bare = (text: string) => text.toLowerCase().replaceAll(/[\s_-]/g, "");

function fieldsFor({ word, before, sign }: Typing, vocabulary: Vocabulary): Suggestion[] {
  return fieldWords
    .filter((field) => field !== "text" && field !== "since" && field !== "until")
    .filter((field) =>
      [field, ...(vocabulary.fields[field] ?? [])].some((name) =>
        bare(name).startsWith(bare(word)),
      ),
    )
    .map((field) => ({ kind: "field", field, value: "", text: `${before}${sign}${field}:` }));
}

function values(
  field: ClosedField,
  word: string,
  vocabulary: Vocabulary,
  put: (field: FieldWord, value: string) => string,
): Suggestion[] {
  return closed[field]
    .filter((value) =>
      [value, vocabulary.values[field]?.[value] ?? ""].some((name) =>
        bare(name).includes(bare(word)),
      ),
    )
    .map((value) => ({ kind: "value", field, value, text: put(field, value) }));
}

function times(
  { word, field }: Typing,
  _vocabulary: Vocabulary,
  put: (field: FieldWord, value: string) => string,
): Suggestion[] {
  if (field === "until") return [];
  return offered
    .filter((value) => value.startsWith(word.toLowerCase()))
    .map((value) => ({ kind: "time", field: "time", value, text: put("time", value) }));
}

/** The typed words as a search, where they are nothing else. */
function words(text: string, { word }: Typing): Suggestion[] {
  const all = text.trim();
  return word.length > 0 && !/[:"]/.test(all) && !all.includes("@")
    ? [{ kind: "words", field: "text", value: all, text: all }]
    : [];
}
