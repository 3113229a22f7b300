import { expect, it } from "vitest";
import { questions, suggestions } from "./suggest";
import { parse } from "./text";

const words = {
  fields: { outcome: ["Ergebnis"] },
  values: { outcome: { refused: "Abgewiesen" } },
};
const texts = (text: string) => suggestions(text, words).map((one) => one.text);

it("offers the fields first, and narrows them while one types", () => {
  expect(texts("")).toContain("outcome:");
  expect(texts("")).toContain("time:");
  expect(texts("-out")).toContain("-outcome:");
  expect(texts("erg")).toContain("outcome:");
  expect(texts("account:anna pro")).toContain("account:anna protocol:");
});

it("offers the values of a field, also after a comma", () => {
  expect(texts("outcome:")).toHaveLength(5);
  expect(texts("-outcome:failed,ref")).toEqual(["-outcome:failed,refused"]);
  expect(texts("outcome:abge")).toEqual(["outcome:refused"]);
  expect(texts("time:7")).toEqual(["time:7d"]);
});

it("finds a value without its field, and offers the words as a search", () => {
  expect(texts("refus")).toEqual([
    "outcome:refused",
    "reason:main_password_refused",
    "reason:risk_would_refuse",
    "refus",
  ]);
});

it("asks the core for what only it knows", () => {
  expect(questions("account:an", words)).toEqual([{ field: "account", text: "an", limit: 12 }]);
  expect(questions('device:"thunder', words)).toEqual([
    { field: "device", text: "thunder", limit: 12 },
  ]);
  expect(questions("203.0", words).map(({ field }) => field)).toEqual([
    "account",
    "network",
    "device",
  ]);
  expect(questions("a", words)).toEqual([]);
  expect(questions("outcome:re", words)).toEqual([]);
});

it("writes what it offers so that it is read back", () => {
  const [offer] = suggestions('kind:admin device:"Thunder', words, [
    { field: "device", value: 'Thunderbird, "beta"', events: 4 },
  ]);
  const { terms, faults } = parse(offer?.text ?? "");
  expect(faults).toEqual([]);
  expect(terms[1]?.test).toEqual({ kind: "device", any: ['Thunderbird, "beta"'] });
});
