import { expect, it } from "vitest";
import { parseRoute } from "$lib/router.svelte";
import { isFiltered } from "./criteria";
import { placeAddress, readPlace } from "./place";
import { readyMade } from "./views";

it("has views ready whose addresses are read back as they are", () => {
  expect(new Set(readyMade().map(({ address }) => address)).size).toBe(7);
  for (const { name, address } of readyMade()) {
    const { faults, ...place } = readPlace(parseRoute(`#${address}`).query);
    expect(faults, name).toEqual([]);
    expect(isFiltered(place.criteria), name).toBe(true);
    expect(placeAddress(place)).toBe(`#${address}`);
  }
});
