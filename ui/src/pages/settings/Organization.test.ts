import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { beforeEach, expect, it, vi } from "vitest";
import { followChanges } from "$host/changes.svelte";
import { followView } from "$host/view.svelte";
import Organization from "./Organization.svelte";

const core = vi.hoisted(() => ({
  organization: vi.fn(),
  setOrganization: vi.fn(),
  view: vi.fn(),
  drawFor: vi.fn(),
  onView: () => () => undefined,
  onDataChanged: vi.fn(),
}));
vi.mock("$host", () => ({ host: core }));
let changed: (parts: { settings: true }) => void;

const stored = {
  name: "Example",
  domains: ["example.org", "example.net"],
  accent: "#2457c5",
  version: 3,
};

beforeEach(async () => {
  for (const mocked of [core.organization, core.setOrganization]) mocked.mockReset();
  core.organization.mockResolvedValue(stored);
  core.view.mockResolvedValue({ admin: { role: "owner" }, service: { link: { kind: "live" } } });
  core.onDataChanged.mockImplementation((take: typeof changed) => {
    changed = take;
    return () => undefined;
  });
  followView();
  followChanges();
});

async function begin() {
  render(Organization);
  await screen.findByLabelText("Name");
}

const field = (label: string) => screen.getByLabelText<HTMLInputElement>(label);
const write = (label: string, value: string) =>
  fireEvent.input(field(label), { target: { value } });
const save = () => fireEvent.click(screen.getByRole("button", { name: "Save" }));

it("sends what was typed without what stands around it", async () => {
  core.setOrganization.mockImplementation((change: object) =>
    Promise.resolve({ ...change, version: 4 }),
  );
  await begin();
  expect(screen.getByRole<HTMLButtonElement>("button", { name: "Save" }).disabled).toBe(true);
  await write("Name", "  Choir of St. Mary ");
  await write("Mail domains", " example.org,\n\n choir.example ");
  await write("Color of the hosted pages", " ");
  await save();
  expect(core.setOrganization).toHaveBeenCalledExactlyOnceWith(
    { name: "Choir of St. Mary", domains: ["example.org", "choir.example"], accent: null },
    3,
  );
  await waitFor(() => {
    expect(field("Name").value).toBe("Choir of St. Mary");
  });
  expect(field("Mail domains").value).toBe("example.org\nchoir.example");
});

it("keeps what was typed when somebody was quicker, and saves over that", async () => {
  core.setOrganization.mockRejectedValueOnce({
    code: "stale",
    message: "Somebody changed it meanwhile.",
    details: null,
  });
  await begin();
  await write("Name", "Mine");
  core.organization.mockResolvedValue({ ...stored, name: "Theirs", version: 8 });
  await save();
  await screen.findByText("Somebody changed it meanwhile.");
  expect(field("Name").value).toBe("Mine");
  core.setOrganization.mockResolvedValueOnce({ ...stored, name: "Mine", version: 9 });
  await save();
  expect(core.setOrganization).toHaveBeenLastCalledWith(
    expect.objectContaining({ name: "Mine" }),
    8,
  );
  await waitFor(() => {
    expect(screen.queryByText("Somebody changed it meanwhile.")).toBeNull();
  });
});

it("says at the color what is wrong with it", async () => {
  core.setOrganization.mockRejectedValueOnce({
    code: "invalid",
    message: "Something is wrong.",
    details: { kind: "fields", fields: [{ field: "accent", message: "That is no color." }] },
  });
  await begin();
  await write("Color of the hosted pages", "#zzz");
  await save();
  const said = await screen.findByText("That is no color.");
  const color = field("Color of the hosted pages");
  expect(color.getAttribute("aria-describedby")).toBe(said.closest("p")?.id);
  expect(color.getAttribute("aria-invalid")).toBe("true");
  expect(screen.queryByText("Something is wrong.")).toBeNull();
});

it("takes in what changes elsewhere unless something is typed", async () => {
  await begin();
  core.organization.mockResolvedValue({ ...stored, name: "Theirs", version: 4 });
  changed({ settings: true });
  await waitFor(() => {
    expect(field("Name").value).toBe("Theirs");
  });
  await write("Name", "Mine");
  core.organization.mockResolvedValue({ ...stored, name: "Theirs again", version: 5 });
  changed({ settings: true });
  await waitFor(() => {
    expect(core.organization).toHaveBeenCalledTimes(3);
  });
  await Promise.resolve();
  expect(field("Name").value).toBe("Mine");
});

it("says why it can't be read, and reads it again when asked to", async () => {
  core.organization.mockRejectedValueOnce({
    code: "unreachable",
    message: "The service can't be reached.",
    details: null,
  });
  render(Organization);
  await screen.findByText("The service can't be reached.");
  await fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByLabelText("Name");
  expect(screen.queryByText("The service can't be reached.")).toBeNull();
});
