import { fireEvent, render, screen } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { LogDesk, LogFile, LogStanding } from "$host/host";
import { followView } from "$host/view.svelte";
import Logs from "./Logs.svelte";

let navigate: () => void;
const core = vi.hoisted(() => ({
  logDesk: vi.fn(),
  importLogs: vi.fn(),
  view: vi.fn(),
  drawFor: vi.fn(),
  onView: () => () => undefined,
  onDataChanged: () => () => undefined,
  onNavigate: vi.fn(),
}));
vi.mock("$host", () => ({ host: core }));

const file = (standing: LogStanding): LogFile => ({
  name: "mail.log",
  size: 1_000,
  sent: 0,
  standing,
});
const desk = (...files: LogFile[]): LogDesk => ({ files, is_running: false, refused: null });
const waiting = desk(file({ kind: "waiting" }));
const sending = { ...desk(file({ kind: "sending" })), is_running: true };
const failed = desk(file({ kind: "failed", message: "It is no log." }));

const IMPORT_MS = 2_000;
const LONG_MS = 60_000;
const pass = (time: number) => vi.advanceTimersByTimeAsync(time);
const asked = () => core.logDesk.mock.calls.length;

beforeEach(async () => {
  vi.useFakeTimers();
  for (const mocked of [core.logDesk, core.importLogs]) mocked.mockReset();
  core.view.mockResolvedValue({ admin: { role: "owner" }, service: { link: { kind: "live" } } });
  core.onNavigate.mockImplementation((take: () => void) => {
    navigate = take;
    return () => undefined;
  });
  followView();
  await pass(0);
});
afterEach(() => {
  vi.useRealTimers();
});

it("asks once while nothing runs, and again when something is dropped", async () => {
  core.logDesk.mockResolvedValue(desk());
  render(Logs);
  await pass(LONG_MS);
  expect(asked()).toBe(1);
  core.logDesk.mockResolvedValue(waiting);
  navigate();
  await pass(LONG_MS);
  expect(screen.getByText("mail.log")).toBeTruthy();
  expect(asked()).toBe(2);
});

it("follows an import that it starts until that is over", async () => {
  core.logDesk.mockResolvedValue(waiting);
  core.importLogs.mockImplementation(async () => {
    await new Promise((resolve) => setTimeout(resolve, IMPORT_MS));
    return failed;
  });
  render(Logs);
  await pass(0);
  core.logDesk.mockResolvedValue(sending);
  await fireEvent.click(screen.getByRole("button", { name: /^Import/ }));
  await pass(IMPORT_MS - 1);
  expect(asked()).toBeGreaterThan(3);
  expect(screen.getByRole("progressbar")).toBeTruthy();
  core.logDesk.mockResolvedValue(failed);
  await pass(1);
  const before = asked();
  await pass(LONG_MS);
  expect(asked()).toBe(before);
  expect(screen.getByText("It is no log.")).toBeTruthy();
});

it("follows an import that runs already when it is shown", async () => {
  core.logDesk.mockResolvedValue(sending);
  render(Logs);
  await pass(2_000);
  expect(asked()).toBeGreaterThan(3);
  core.logDesk.mockResolvedValue(failed);
  await pass(1_000);
  expect(screen.getByText("It is no log.")).toBeTruthy();
  const before = asked();
  await pass(LONG_MS);
  expect(asked()).toBe(before);
});

it("says why it can't tell what waits", async () => {
  core.logDesk.mockRejectedValue({ code: "internal", message: "It broke.", details: null });
  render(Logs);
  await pass(0);
  expect(screen.getByText("It broke.")).toBeTruthy();
});
