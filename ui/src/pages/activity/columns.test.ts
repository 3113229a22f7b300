import { expect, it } from "vitest";
import { columnNames, moved, saysAgo, toggled, usualColumns } from "./columns";

it("brings a hidden column back where it usually stands", () => {
  const hidden = toggled(usualColumns, "outcome");
  expect(hidden).not.toContain("outcome");
  expect(toggled(hidden, "outcome")).toEqual(usualColumns);
  expect(toggled(usualColumns, "number").at(-1)).toBe("number");
});

it("keeps at least one column", () => {
  const left = columnNames.reduce<readonly (typeof columnNames)[number][]>(toggled, usualColumns);
  expect(columnNames.reduce(toggled, left).length).toBeGreaterThan(0);
  expect(toggled(["time"], "time")).toEqual(["time"]);
});

it("moves a column by one place, and no further than the edge", () => {
  expect(moved(["time", "outcome", "account"], "account", -1)).toEqual([
    "time",
    "account",
    "outcome",
  ]);
  expect(moved(["time", "outcome"], "time", -1)).toEqual(["time", "outcome"]);
  expect(moved(["time", "outcome"], "number", 1)).toEqual(["time", "outcome"]);
});

it("says how long ago something was where the time of day leaves room", () => {
  expect(saysAgo(usualColumns.length, 1_392)).toBe(true);
  expect(saysAgo(usualColumns.length, 1_072)).toBe(false);
  expect(saysAgo(columnNames.length, 1_340)).toBe(false);
});
