import { describe, expect, it } from "vitest";
import {
  eventFilter,
  fieldTime,
  readCriteria,
  severalWords,
  spanProblem,
  timeWords,
  typed,
  writeCriteria,
} from "./criteria";

const now = Date.parse("2026-11-24T12:00:00Z");

it("reads back from the address what it wrote there", () => {
  const criteria = {
    since: undefined,
    from: "2026-11-24T08:00:00.000Z",
    until: "2026-11-24T09:00:00.000Z",
    account: "anna+tag@example.org",
    network: "2001:db8::/32",
    protocols: ["imap", "submission"] as const,
    outcomes: ["failed"] as const,
    kinds: [],
    text: "wrong & odd = text",
  };
  const query = new URLSearchParams();
  const written = writeCriteria({
    ...criteria,
    protocols: [...criteria.protocols],
    outcomes: [...criteria.outcomes],
  });
  for (const [name, value] of Object.entries(written)) if (value) query.set(name, value);
  expect(readCriteria(new URLSearchParams(query.toString()))).toEqual(criteria);
});

it("leaves out of an address what means nothing", () => {
  const read = readCriteria(
    new URLSearchParams("since=never&protocol=imap,gopher,toString&from=yesterday"),
  );
  expect(read.since).toBeUndefined();
  expect(read.protocols).toEqual(["imap"]);
  expect(read.from).toBeUndefined();
});

it("counts a span back from now", () => {
  const filter = eventFilter(readCriteria(new URLSearchParams("since=24h")), now);
  expect(filter.span).toEqual({
    kind: "between",
    from: "2026-11-23T12:00:00.000Z",
    until: null,
  });
});

describe("what is typed into the one field", () => {
  it.each([
    ["203.0.113.7", { network: "203.0.113.7" }],
    [" 203.0.113.0/24 ", { network: "203.0.113.0/24" }],
    ["2001:db8::/32", { network: "2001:db8::/32" }],
    ["Anna@example.org", { account: "anna@example.org" }],
    ["@example.org", { account: "@example.org" }],
    ["wrong password", { text: "wrong password" }],
    ["300.1.1.1", { text: "300.1.1.1" }],
    ["  ", {}],
  ])("%j", (text, criteria) => {
    expect(typed(text)).toEqual(criteria);
  });
});

it("says in words what is chosen", () => {
  expect(severalWords([], { a: "A" })).toBeUndefined();
  expect(severalWords(["a", "b"], { a: "A", b: "B" })).toBe("A, B");
  expect(severalWords(["a", "b", "c"], { a: "A", b: "B", c: "C" })).toBe("3 chosen");
  expect(timeWords(readCriteria(new URLSearchParams("since=7d")), now)).toBe("Last 7 days");
  expect(timeWords(readCriteria(new URLSearchParams("")), now)).toBeUndefined();
});

it("begins today at midnight in the reader's zone", () => {
  const noon = new Date(2026, 10, 24, 12).getTime();
  const filter = eventFilter(readCriteria(new URLSearchParams("since=today")), noon);
  expect(filter.span).toMatchObject({ from: new Date(2026, 10, 24).toISOString() });
});

it("brings a time into its field and back", () => {
  const time = "2026-11-24T08:30:00.000Z";
  expect(new Date(fieldTime(time)).toISOString()).toBe(time);
  expect(fieldTime(undefined)).toBe("");
});

it("refuses a span that ends before it begins", () => {
  expect(spanProblem("2026-11-24T09:00", "2026-11-24T08:00")).toContain("after");
  expect(spanProblem("2026-11-24T09:00", "")).toBeUndefined();
});
