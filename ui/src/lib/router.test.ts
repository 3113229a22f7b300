import { expect, it } from "vitest";
import { address, go, parseRoute, route } from "./router.svelte";

it("reads an address back as it was written", () => {
  const to = address(["activity", "0192f0c4:4711"], {
    account: "zoë+ü@example.org",
    text: "",
    from: undefined,
  });
  const parsed = parseRoute(to);
  expect(parsed.page).toBe("activity");
  expect(parsed.rest).toEqual(["0192f0c4:4711"]);
  expect([...parsed.query]).toEqual([["account", "zoë+ü@example.org"]]);
});

it("takes an address without page or with broken escapes", () => {
  expect(parseRoute("").page).toBe("");
  expect(parseRoute("#/alerts/%E0%A4%A").rest).toEqual(["%E0%A4%A"]);
});

it("leaves a step to come back to, unless it replaces", () => {
  go("#/alerts");
  const steps = history.length;
  go("#/activity?text=a", { replace: true });
  expect(history.length).toBe(steps);
  expect(route().page).toBe("activity");
  go("#/blocks");
  expect(history.length).toBe(steps + 1);
});
