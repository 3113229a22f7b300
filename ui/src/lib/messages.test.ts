import { describe, expect, it } from "vitest";

interface Plural {
  declarations: string[];
  selectors: string[];
  match: Record<string, string>;
}
type Message = string | [Plural];
type Area = Record<string, Message>;

const files = import.meta.glob<Area>("../../messages/*/*.json", { eager: true, import: "default" });
const sources = import.meta.glob<string>(["../**/*.{ts,svelte}", "!../paraglide/**"], {
  eager: true,
  query: "?raw",
  import: "default",
});

/** The messages of every area by language. */
const areas = new Map<string, Record<string, Area>>();
for (const [path, messages] of Object.entries(files)) {
  const [language = "", file = ""] = path.split("/").slice(-2);
  const area = file.replace(/\.json$/, "");
  const own = Object.fromEntries(Object.entries(messages).filter(([key]) => key !== "$schema"));
  areas.set(area, { ...areas.get(area), [language]: own });
}
const english = [...areas].flatMap(([area, { en = {} }]) =>
  Object.entries(en).map(([key, message]) => ({ area, key, message })),
);

const texts = (message: Message) =>
  typeof message === "string" ? [message] : Object.values(message[0].match);

/** What a message takes, or a plural form makes of it. */
function parameters(message: Message): string[] {
  if (typeof message !== "string")
    return message[0].declarations.filter((line) => line.startsWith("input ")).toSorted();
  return [...message.matchAll(/\{(\w+)\}/g)].map(([, name]) => `input ${name}`).toSorted();
}

describe.each(["de", "uk"])("in %s", (language) => {
  it.each([...areas.keys()])("%s says all that English says", (area) => {
    const { en = {}, [language]: own = {} } = areas.get(area) ?? {};
    expect(Object.keys(own).toSorted()).toEqual(Object.keys(en).toSorted());
  });

  it.each(english)("$key takes what the English takes", ({ area, key, message }) => {
    const own = areas.get(area)?.[language]?.[key];
    expect(own && [...new Set(parameters(own))]).toEqual([...new Set(parameters(message))]);
  });
});

describe.each(["en", "de", "uk"])("in %s", (language) => {
  const all = [...areas.values()].flatMap((area) => Object.entries(area[language] ?? {}));

  it("no text is empty", () => {
    const empty = all.filter(([, message]) => texts(message).some((text) => text.trim() === ""));
    expect(empty).toEqual([]);
  });

  it("what counts has every form of the language and no other", () => {
    const { pluralCategories } = new Intl.PluralRules(language).resolvedOptions();
    const wanted = pluralCategories.toSorted();
    const wrong = all.filter(([, message]) => {
      if (typeof message === "string" || !message[0].selectors.includes("plural")) return false;
      if (message[0].selectors.length > 1) return false;
      const forms = Object.keys(message[0].match).map((form) => form.replace("plural=", ""));
      return forms.toSorted().join() !== wanted.join();
    });
    expect(wrong.map(([key]) => key)).toEqual([]);
  });

  it("no form uses what it is not given", () => {
    const wrong = all.filter(([, message]) => {
      if (typeof message === "string") return false;
      const known = message[0].declarations.map((line) => line.split(" ")[1]);
      return texts(message).some((text) =>
        [...text.matchAll(/\{(\w+)\}/g)].some(([, name]) => !known.includes(name ?? "")),
      );
    });
    expect(wrong.map(([key]) => key)).toEqual([]);
  });
});

it("a key begins with its area", () => {
  const strayed = english.filter(({ area, key }) => !key.startsWith(`${area}_`));
  expect(strayed.map(({ key }) => key)).toEqual([]);
});

it("every message is used, and none is missing", () => {
  const used = new Set(
    Object.entries(sources)
      .filter(([path]) => !path.endsWith(".test.ts"))
      .flatMap(([, source]) => [...source.matchAll(/\bm\s*\.([a-z]\w*)/g)].map(([, key]) => key)),
  );
  const known = new Set(english.map(({ key }) => key));
  const unused = [...known].filter((key) => !used.has(key));
  expect(unused).toEqual([]);
  expect([...used].filter((key) => key?.includes("_") && !known.has(key))).toEqual([]);
});
