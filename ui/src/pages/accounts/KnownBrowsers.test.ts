import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { beforeEach, expect, it, vi } from "vitest";
import KnownBrowsers from "./KnownBrowsers.svelte";

const core = vi.hoisted(() => ({
  accountDevices: vi.fn(),
  revokeAccountDevice: vi.fn(),
  onDataChanged: () => () => undefined,
}));
vi.mock("$host", () => ({ host: core }));

const login = "anna@example.org";
const laptop = {
  id: "dev1",
  name: "Firefox on Linux",
  first_at: "2026-10-01T08:00:00Z",
  last_at: "2026-11-24T08:00:00Z",
  address: "203.0.113.24",
  verified_at: "2026-10-01T08:00:00Z",
};
const phone = { ...laptop, id: "dev2", name: "Safari on iOS", address: null, verified_at: null };

beforeEach(() => {
  for (const mocked of [core.accountDevices, core.revokeAccountDevice]) mocked.mockReset();
  core.accountDevices.mockResolvedValue([laptop, phone]);
});

it("lists each browser with whether it is verified and from where it came last", async () => {
  render(KnownBrowsers, { login });
  await screen.findByText("Firefox on Linux");
  expect(core.accountDevices).toHaveBeenCalledWith(login);
  const [first, second] = screen.getAllByRole("listitem").map((it) => it.textContent);
  expect(first).toMatch(/Verified.*203\.0\.113\.24/s);
  expect(second).toMatch(/Safari on iOS.*Not verified/s);
  expect(second).not.toContain("·");
});

it("forgets one, and says when it could not", async () => {
  core.revokeAccountDevice.mockRejectedValueOnce({
    code: "unreachable",
    message: "The service can't be reached.",
    details: null,
  });
  render(KnownBrowsers, { login });
  const forget = await screen.findByRole("button", { name: "Forget Safari on iOS" });
  await fireEvent.click(forget);
  await screen.findByText("The service can't be reached.");
  core.revokeAccountDevice.mockResolvedValueOnce(null);
  core.accountDevices.mockResolvedValue([laptop]);
  await fireEvent.click(screen.getByRole("button", { name: "Forget Safari on iOS" }));
  expect(core.revokeAccountDevice).toHaveBeenLastCalledWith(login, "dev2");
  await waitFor(() => {
    expect(screen.queryByText("Safari on iOS")).toBeNull();
  });
  expect(screen.queryByText("The service can't be reached.")).toBeNull();
});

it("says that there is none", async () => {
  core.accountDevices.mockResolvedValue([]);
  render(KnownBrowsers, { login });
  await screen.findByText(/No browser has signed in/);
  expect(screen.queryByRole("listitem")).toBeNull();
});
