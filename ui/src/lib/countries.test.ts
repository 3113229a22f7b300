import { expect, it } from "vitest";
import outline from "world-atlas/countries-110m.json";
import { codeOfNumber, countryCodes } from "./countries";

it("knows every country once", () => {
  expect(countryCodes.length).toBe(249);
  expect(new Set(countryCodes).size).toBe(countryCodes.length);
  expect(countryCodes.every((code) => /^[A-Z]{2}$/.test(code))).toBe(true);
});

it("names the countries of the map", () => {
  const numbered = outline.objects.countries.geometries.flatMap((one) =>
    "id" in one && one.id !== undefined ? [one.id] : [],
  );
  expect(numbered.length).toBeGreaterThan(170);
  expect(numbered.filter((id) => codeOfNumber(id) === undefined)).toEqual([]);
  expect(codeOfNumber("276")).toBe("DE");
  expect(codeOfNumber(undefined)).toBeUndefined();
});
