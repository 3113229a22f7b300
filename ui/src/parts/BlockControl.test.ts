import { fireEvent, render, screen } from "@testing-library/svelte";
import { beforeEach, expect, it, vi } from "vitest";
import BlockControl from "./BlockControl.svelte";
import { blockTargets } from "./blocking";

const core = vi.hoisted(() => ({ createBlock: vi.fn(), liftBlock: vi.fn() }));
vi.mock("$host", () => ({ host: core }));

const targets = blockTargets("203.0.113.77", "anna@example.org");

beforeEach(() => {
  core.createBlock.mockReset();
  core.createBlock.mockResolvedValue({ id: "b1", target: targets[0] });
});

async function openWithNetwork() {
  render(BlockControl, { targets });
  await fireEvent.click(screen.getByRole("button", { name: "Block" }));
  await fireEvent.click(screen.getByRole("radio", { name: /Network/ }));
  return screen.getByLabelText<HTMLInputElement>(/as wide or narrow/);
}

it("offers the /24, and blocks what the reader made of it", async () => {
  const field = await openWithNetwork();
  expect(field.value).toBe("203.0.113.0/24");
  await fireEvent.input(field, { target: { value: " 203.0.113.64/26 " } });
  await fireEvent.click(screen.getByRole("button", { name: "Until lifted" }));
  expect(core.createBlock).toHaveBeenCalledExactlyOnceWith({
    target: { kind: "network", network: "203.0.113.64/26" },
    expires_at: null,
    note: "",
    confirm_self: false,
  });
});

it("does not block a network that is none", async () => {
  const field = await openWithNetwork();
  await fireEvent.input(field, { target: { value: "203.0.113.0/240" } });
  expect(screen.getByRole("alert").textContent).toContain("from 0 to 32");
  expect(screen.getByRole<HTMLButtonElement>("button", { name: "1 hour" }).disabled).toBe(true);
  await fireEvent.click(screen.getByRole("radio", { name: /Account/ }));
  expect(screen.getByRole<HTMLButtonElement>("button", { name: "1 hour" }).disabled).toBe(false);
});

it("asks before it refuses the admin, and takes no for an answer", async () => {
  core.createBlock.mockRejectedValueOnce({
    code: "conflict",
    message: "You are signed in from 203.0.113.77.",
    details: null,
  });
  render(BlockControl, { targets });
  await fireEvent.click(screen.getByRole("button", { name: "Block" }));
  await fireEvent.click(screen.getByRole("button", { name: "1 day" }));
  await screen.findByText(/It covers the address/);
  await fireEvent.click(screen.getByRole("button", { name: "Keep it as it is" }));
  expect(screen.queryByText(/It covers the address/)).toBeNull();
  expect(core.createBlock).toHaveBeenCalledOnce();
});
