import { beforeEach, expect, it, vi } from "vitest";
import { dismiss, toasts } from "$lib/toasts.svelte";
import { block, blockTargets, expiry, inForce, refuses } from "./blocking";

const core = vi.hoisted(() => ({ createBlock: vi.fn(), liftBlock: vi.fn() }));
vi.mock("$host", () => ({ host: core }));

const target = { kind: "address", address: "203.0.113.9" } as const;

beforeEach(() => {
  for (const { id } of [...toasts()]) dismiss(id);
  core.createBlock.mockResolvedValue({ id: "b1", target });
  core.liftBlock.mockResolvedValue({});
});

it("offers a /64 before the single address of IPv6, the address before the /24 of IPv4", () => {
  expect(blockTargets("203.0.113.9", "anna@example.org").map(({ kind }) => kind)).toEqual([
    "address",
    "network",
    "account",
  ]);
  expect(blockTargets("2001:db8::7", null)).toEqual([
    { kind: "network", network: "2001:db8::/64" },
    { kind: "address", address: "2001:db8::7" },
  ]);
  expect(blockTargets(null, null)).toEqual([]);
});

it("ends when it was said to", () => {
  expect(expiry("hour", 0)).toBe("1970-01-01T01:00:00.000Z");
  expect(expiry("month", 0)).toBe("1970-01-31T00:00:00.000Z");
  expect(expiry("open", 0)).toBeNull();
});

it("blocks at once, and its undo lifts that block", async () => {
  expect((await block({ target, duration: "day" })).kind).toBe("done");
  expect(toasts().map(({ text }) => text)).toEqual(["Blocked 203.0.113.9 for 1 day"]);
  toasts()[0]?.undo?.();
  await vi.waitFor(() => {
    expect(core.liftBlock).toHaveBeenCalledWith("b1");
  });
});

it("asks before it shuts out the admin, and then does as told", async () => {
  core.createBlock.mockRejectedValueOnce({ code: "conflict", message: "You, too", details: null });
  expect(await block({ target, duration: "open" })).toMatchObject({ kind: "self" });
  expect(toasts()).toEqual([]);
  await block({ target, duration: "open" }, true);
  expect(core.createBlock).toHaveBeenLastCalledWith({
    target,
    expires_at: null,
    note: "",
    confirm_self: true,
  });
});

const set = {
  id: "b1",
  target,
  note: "",
  created_at: "2026-11-24T08:00:00Z",
  created_by: null,
  created_by_login: null,
  expires_at: "2026-11-24T09:00:00Z",
  lifted_at: null,
  lifted_by_login: null,
  version: 1,
};

it("knows whether a block is in force", () => {
  expect(inForce(set, Date.parse("2026-11-24T08:59:59Z"))).toBe(true);
  expect(inForce(set, Date.parse("2026-11-24T09:00:00Z"))).toBe(false);
  expect(inForce({ ...set, expires_at: null }, Date.parse("2036-01-01T00:00:00Z"))).toBe(true);
  expect(inForce({ ...set, lifted_at: "2026-11-24T08:10:00Z" }, 0)).toBe(false);
});

it("knows whom a block refuses", () => {
  const network = { ...set, target: { kind: "network", network: "203.0.113.0/24" } as const };
  const account = { ...set, target: { kind: "account", login: "anna@example.org" } as const };
  expect(refuses(set, "203.0.113.9", null)).toBe(true);
  expect(refuses(set, "203.0.113.90", null)).toBe(false);
  expect(refuses(network, "203.0.113.90", null)).toBe(true);
  expect(refuses(network, null, "anna@example.org")).toBe(false);
  expect(refuses(account, null, "anna@example.org")).toBe(true);
  expect(refuses(account, "203.0.113.9", null)).toBe(false);
});
