import { fireEvent, render, screen } from "@testing-library/svelte";
import { beforeEach, expect, it, vi } from "vitest";
import NewBlock from "./NewBlock.svelte";

const core = vi.hoisted(() => ({ createBlock: vi.fn(), liftBlock: vi.fn(), accounts: vi.fn() }));
vi.mock("$host", () => ({ host: core }));

beforeEach(() => {
  core.createBlock.mockReset();
  core.createBlock.mockResolvedValue({ id: "b1" });
  core.accounts.mockResolvedValue([{ login: "anna@example.org" }]);
});

async function type(whom: string) {
  await fireEvent.input(screen.getByLabelText("Address, network or account"), {
    target: { value: whom },
  });
}

const submit = () =>
  fireEvent.submit(document.querySelector("form") ?? document.createElement("form"));

it("says whom it takes a text for before it blocks", async () => {
  render(NewBlock, { onclose: vi.fn() });
  await type("203.0.113.0/28");
  expect(screen.getByText("A network: 16 addresses")).toBeTruthy();
  await type("Anna@example.org");
  expect(await screen.findByText(/every sign-in of it is refused/)).toBeTruthy();
  await type("nobody@example.org");
  expect(await screen.findByText(/not known here/)).toBeTruthy();
});

it("blocks nobody until it knows whom", async () => {
  const onclose = vi.fn();
  render(NewBlock, { onclose });
  await type("203.0.113.300");
  await submit();
  expect(screen.getByRole("alert").textContent).toContain("0 to 255");
  expect(core.createBlock).not.toHaveBeenCalled();
  expect(onclose).not.toHaveBeenCalled();
});

it("refuses the admin only when told so, and asks anew for another target", async () => {
  const onclose = vi.fn();
  core.createBlock.mockRejectedValue({ code: "conflict", message: "You, too.", details: null });
  render(NewBlock, { onclose });
  await type("203.0.113.24");
  await submit();
  await screen.findByRole("button", { name: "Block anyway" });
  await type("203.0.113.0/24");
  expect(screen.queryByRole("button", { name: "Block anyway" })).toBeNull();
  await submit();
  await screen.findByRole("button", { name: "Block anyway" });
  core.createBlock.mockResolvedValue({ id: "b1" });
  await submit();
  await vi.waitFor(() => {
    expect(onclose).toHaveBeenCalledOnce();
  });
  const confirmed = core.createBlock.mock.calls.map(
    ([wanted]: { confirm_self: boolean }[]) => wanted?.confirm_self,
  );
  expect(confirmed).toEqual([false, false, true]);
});
