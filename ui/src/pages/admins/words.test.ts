import { expect, test } from "vitest";
import { detailFacts } from "./words";

test("details of any form are read without fault", () => {
  expect(detailFacts('{"id":"b1","scopes":["read"],"by":null}')).toEqual([
    { name: "id", value: "b1" },
    { name: "scopes", value: '["read"]' },
    { name: "by", value: "null" },
  ]);
  expect(detailFacts("{}")).toEqual([]);
  expect(detailFacts("")).toEqual([]);
  expect(detailFacts("no JSON")).toMatchObject([{ value: "no JSON" }]);
  expect(detailFacts("[1]")).toMatchObject([{ value: "[1]" }]);
});
