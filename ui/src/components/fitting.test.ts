import { expect, it } from "vitest";
import { fitting } from "./fitting";

const columns = [
  { id: "severity", width: "88px" },
  { id: "alert", width: "minmax(0, 2fr)" },
  { id: "from", width: "minmax(0, 1fr)" },
  { id: "events", width: "72px" },
  { id: "last", width: "96px" },
];
const ids = (available: number) => fitting(columns, available).map(({ id }) => id);

it("keeps every column where there is room, or where nobody has measured", () => {
  expect(ids(1000)).toHaveLength(5);
  expect(ids(0)).toHaveLength(5);
});

it("leaves out from the last on, and keeps what the row is about", () => {
  expect(ids(440)).toEqual(["severity", "alert", "from", "events"]);
  expect(ids(350)).toEqual(["severity", "alert", "from"]);
  expect(ids(250)).toEqual(["severity", "alert"]);
  expect(fitting([...columns, { id: "lift", width: "64px", quiet: true }], 400)).toContainEqual({
    id: "lift",
    width: "64px",
    quiet: true,
  });
  expect(ids(50)).toEqual(["severity", "alert"]);
});
