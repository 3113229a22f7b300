import { expect, test } from "vitest";
import { parseRoute } from "$lib/router.svelte";
import { accountsAddress, orders, readQuery, states } from "./query";

test("an address says what the list shows, and is read back", () => {
  for (const order of orders)
    for (const descending of [true, false])
      for (const state of [null, ...states]) {
        const asked = { text: "anna & co", state, order, descending };
        const route = parseRoute(accountsAddress(asked, "a/b@example.org"));
        expect(route.rest).toEqual(["a/b@example.org"]);
        expect(readQuery(route.query)).toEqual(asked);
      }
});

test("an address that says nothing shows all accounts by login", () => {
  expect(readQuery(new URLSearchParams("order=nonsense&state=x"))).toMatchObject({
    text: "",
    state: null,
    order: "login",
  });
  expect(accountsAddress(readQuery(new URLSearchParams()))).toBe("#/accounts");
});
