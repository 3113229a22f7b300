import { describe, expect, it } from "vitest";
import { type Field, type Term, termOf } from "./criteria";
import { placeAddress, readPlace } from "./place";
import { parseRoute } from "$lib/router.svelte";
import { parse, write } from "./text";
import type { PageSpan } from "./span";

const terms = (text: string) => parse(text).terms;
const term = (field: Field, values: string[], not = false): Term => {
  const made = termOf(field, values, not);
  if (!made) throw new Error("no value");
  return made;
};

describe("what is typed", () => {
  it.each<[string, Term[]]>([
    ["account:anna", [term("account", ["anna"])]],
    ["login:Anna,Bernd", [term("account", ["anna", "bernd"])]],
    ["-outcome:refused", [term("outcome", ["refused"], true)]],
    ["from 203.0.113.0/24", [term("network", ["203.0.113.0/24"])]],
    ["from:203.0.113.0/24", [term("network", ["203.0.113.0/24"])]],
    ["203.0.113.7", [term("network", ["203.0.113.7"])]],
    ["fe80::1", [term("network", ["fe80::1"])]],
    ["-2001:db8::/32", [term("network", ["2001:db8::/32"], true)]],
    ["Anna@example.org", [term("account", ["anna@example.org"])]],
    ["@example.org", [term("domain", ["example.org"])]],
    ["kind:sign-in,SUBMISSION", [term("kind", ["sign_in", "submission"])]],
    ["wrong  password", [term("text", ["wrong password"])]],
    ['"from 203.0.113.7"', [term("text", ["from 203.0.113.7"])]],
    ['-"wrong password"', [term("text", ["wrong password"], true)]],
    ["-thunderbird", [term("text", ["thunderbird"], true)]],
    ['device:"Thunderbird, 143"', [term("device", ["Thunderbird, 143"])]],
    ["from here", [term("text", ["from here"])]],
    ["old account:anna phone", [term("text", ["old phone"]), term("account", ["anna"])]],
    ["مدير@مثال.موقع", [term("account", ["مدير@مثال.موقع"])]],
    ["", []],
    ["-", [term("text", ["-"])]],
  ])("reads %j", (text, expected) => {
    expect(parse(text)).toEqual({ terms: expected, span: undefined, faults: [] });
  });

  it.each<[string, PageSpan]>([
    ["time:24h", { kind: "last", minutes: 1_440 }],
    ["last:15m", { kind: "last", minutes: 15 }],
    ["since:7d", { kind: "last", minutes: 10_080 }],
    ["time:today", { kind: "today" }],
    [
      "since:2026-11-20T10:00:00Z until:2026-11-21T10:00:00Z",
      { kind: "between", from: "2026-11-20T10:00:00.000Z", until: "2026-11-21T10:00:00.000Z" },
    ],
  ])("reads the time %j", (text, span) => {
    expect(parse(text)).toEqual({ terms: [], span, faults: [] });
  });

  it("takes a day from midnight to midnight in the reader's zone", () => {
    const { span } = parse("time:2026-11-20");
    expect(span).toEqual({
      kind: "between",
      from: new Date(2026, 10, 20).toISOString(),
      until: new Date(2026, 10, 21).toISOString(),
    });
  });

  it.each<[string, string]>([
    ["colour:red", "unknown_field"],
    ["outcome:maybe", "no_such_value"],
    ["account:", "no_value"],
    ["network:203.0.113.0/99", "no_network"],
    ["203.0.113.0/99", "no_network"],
    ["300.0.0.1", "no_network"],
    ["time:soon", "no_time"],
    ["since:2026-13-40", "no_time"],
    ["-time:24h", "time_not"],
    ["since:2026-11-21 until:2026-11-20", "backward"],
  ])("tells what is wrong with %j", (text, kind) => {
    const parsed = parse(`anna@example.org ${text}`);
    expect(parsed.faults.map((fault) => fault.kind)).toEqual([kind]);
    expect(parsed.terms).toEqual([term("account", ["anna@example.org"])]);
  });

  it("knows the words of the reader's language beside its own", () => {
    const words = {
      fields: { outcome: ["Ergebnis"], account: ["Konto"] },
      values: { outcome: { refused: "Abgewiesen" } },
    };
    expect(parse("ergebnis:abgewiesen konto:anna outcome:failed", words).terms).toEqual([
      term("outcome", ["refused"]),
      term("account", ["anna"]),
      term("outcome", ["failed"]),
    ]);
    expect(terms("ergebnis:abgewiesen")).toEqual([]);
  });
});

/** Values that tempt every quoting rule. */
const nasty = [
  "anna",
  "anna@example.org",
  "a,b",
  'say "hi"',
  "back\\slash",
  "two words",
  "-minus",
  "colon:inside",
  "203.0.113.7",
  "time:24h",
  "from",
  "مدير البريد",
  "100%+&=#?/",
  "time:soon",
  "not a@b c",
];

describe("a filter", () => {
  const fields: Field[] = ["account", "domain", "device", "text"];
  const cases: Term[][] = [];
  for (const field of fields)
    for (const not of [false, true])
      for (const [index, value] of nasty.entries()) {
        const other = nasty[(index + 3) % nasty.length] ?? "";
        const plain = field === "account" || field === "domain";
        const values = (field === "text" ? [value] : [value, other]).map((text) =>
          plain ? text.toLowerCase() : text,
        );
        cases.push([
          term(field, values, not),
          term("text", [other]),
          term("network", ["2001:db8::/32", "192.0.2.1"], !not),
          term("outcome", ["refused", "failed"]),
        ]);
      }
  const spans: (PageSpan | undefined)[] = [
    undefined,
    { kind: "today" },
    { kind: "last", minutes: 43_200 },
    { kind: "last", minutes: 90 },
    { kind: "between", from: "2026-11-20T10:00:00.000Z", until: null },
    { kind: "between", from: "2026-11-20T10:00:00.000Z", until: "2026-11-20T11:00:00.000Z" },
  ];

  it("is read back from its text as it was written", () => {
    for (const [index, some] of cases.entries()) {
      const criteria = { span: spans[index % spans.length], terms: some };
      expect(parse(write(criteria)), write(criteria)).toEqual({ ...criteria, faults: [] });
    }
  });

  it("is read back from its address as it was written", () => {
    for (const [index, some] of cases.entries()) {
      const place = {
        criteria: { span: spans[index % spans.length], terms: some },
        by: ([undefined, "account", "hour"] as const)[index % 3],
        order: index % 3 === 0 ? ("most" as const) : ("refused" as const),
        columns: index % 2 ? undefined : (["reason", "time"] as const),
      };
      const route = parseRoute(placeAddress(place, "e:1"));
      expect(route.rest).toEqual(["e:1"]);
      expect(readPlace(route.query)).toEqual({ ...place, faults: [] });
    }
  });
});

describe("an address", () => {
  const read = (query: string) => readPlace(new URLSearchParams(query));

  it("of another page is understood", () => {
    expect(
      read("since=24h&account=anna%40example.org&protocol=imap,submission&outcome=failed").criteria,
    ).toEqual({
      span: { kind: "last", minutes: 1_440 },
      terms: [
        term("account", ["anna@example.org"]),
        term("protocol", ["imap", "submission"]),
        term("outcome", ["failed"]),
      ],
    });
  });

  it("that asks for what can't be shows the rest, and tells", () => {
    const { criteria, faults, columns, by } = read(
      "outcome=maybe,refused&network=1.2.3.4/99&from=never&columns=colour&by=colour&x=1",
    );
    expect(criteria).toEqual({ span: undefined, terms: [term("outcome", ["refused"])] });
    expect(faults.map((fault) => fault.kind)).toEqual(["no_such_value", "no_network", "no_time"]);
    expect(columns).toBeUndefined();
    expect(by).toBeUndefined();
  });

  it("is short and readable", () => {
    expect(
      placeAddress({
        criteria: parse("account:anna -outcome:refused from 203.0.113.0/24 time:24h"),
        by: "hour",
        order: "newest",
        columns: undefined,
      }),
    ).toBe("#/activity?since=24h&account=anna&-outcome=refused&network=203.0.113.0/24&by=hour");
  });
});
