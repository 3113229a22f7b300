import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { beforeEach, expect, it, vi } from "vitest";
import PutBack from "./PutBack.svelte";

const core = vi.hoisted(() => ({
  recordPreview: vi.fn(),
  putBackRecord: vi.fn(),
  savePolicy: vi.fn(),
  liftBlock: vi.fn(),
  policy: vi.fn(),
  onDataChanged: () => () => undefined,
}));
vi.mock("$host", () => ({ host: core }));

const record = { snapshot: "a1", part: "access_rules", key: "rule-1" } as const;
const preview = {
  at: "2026-11-24T07:00:00Z",
  does: "changes",
  fields: [{ name: "networks", before: "0.0.0.0/0", after: "192.0.2.0/24" }],
  version: 8,
};

beforeEach(() => {
  for (const mocked of [core.recordPreview, core.putBackRecord]) mocked.mockReset();
  core.recordPreview.mockResolvedValue(preview);
});

const button = () => screen.getByRole<HTMLButtonElement>("button", { name: "Put back" });

it("shows what changes field by field, and puts back what was shown", async () => {
  const onclose = vi.fn();
  core.putBackRecord.mockResolvedValue({ kind: "done", undo: null, trial: null });
  render(PutBack, { record, onclose });
  await waitFor(() => screen.getByText("192.0.2.0/24"));
  expect(screen.getAllByRole("columnheader").map((it) => it.textContent)).toEqual([
    "Field",
    "Now",
    "Then",
  ]);
  await fireEvent.click(button());
  expect(core.putBackRecord).toHaveBeenCalledExactlyOnceWith({
    record,
    version: 8,
    confirm_lock_out: false,
  });
  await waitFor(() => {
    expect(onclose).toHaveBeenCalledOnce();
  });
});

it("shows anew what somebody changed meanwhile, and says so", async () => {
  const onclose = vi.fn();
  core.putBackRecord.mockResolvedValue({ kind: "stale" });
  render(PutBack, { record, onclose });
  await waitFor(() => screen.getByText("192.0.2.0/24"));
  core.recordPreview.mockResolvedValue({ ...preview, version: 9 });
  await fireEvent.click(button());
  await waitFor(() => screen.getByText(/Somebody changed it meanwhile; nothing was put back/));
  expect(onclose).not.toHaveBeenCalled();
  await fireEvent.click(button());
  expect(core.putBackRecord).toHaveBeenLastCalledWith({
    record,
    version: 9,
    confirm_lock_out: false,
  });
});

it("has nothing to do where everything stands as it was, and says why it can't", async () => {
  core.recordPreview.mockResolvedValueOnce({ ...preview, does: "nothing", fields: [] });
  const { unmount } = render(PutBack, { record, onclose: vi.fn() });
  await waitFor(() => screen.getByText(/it stands as it was/));
  expect(button().disabled).toBe(true);
  unmount();
  core.recordPreview.mockRejectedValueOnce({
    code: "unreachable",
    message: "The service can't be reached.",
    details: null,
  });
  render(PutBack, { record, onclose: vi.fn() });
  await waitFor(() => screen.getByText("The service can't be reached."));
  expect(button().disabled).toBe(true);
});
