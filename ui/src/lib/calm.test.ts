import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Calm } from "./calm.svelte";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const after = (ms: number, value: number) =>
  new Promise<number>((resolve) => setTimeout(resolve, ms, value));

it("reads at once when asked, and at most once a pause however often something changes", async () => {
  let reads = 0;
  const calm = new Calm(() => Promise.resolve((reads += 1)), 1_000);
  calm.now();
  for (let change = 0; change < 50; change += 1) {
    calm.soon();
    await vi.advanceTimersByTimeAsync(50);
  }
  expect(reads).toBe(3);
  expect(calm.value).toBe(3);
});

it("a reading that takes longer than the pause arrives, also while changes go on", async () => {
  let reads = 0;
  const calm = new Calm(() => after(500, (reads += 1)), 100);
  calm.now();
  for (let change = 0; change < 30; change += 1) {
    calm.soon();
    await vi.advanceTimersByTimeAsync(50);
  }
  expect(calm.value).toBeGreaterThanOrEqual(2);
});

it("a change during a reading is read afterwards, and nothing after the end", async () => {
  let reads = 0;
  const calm = new Calm(() => after(200, (reads += 1)), 100);
  calm.now();
  await vi.advanceTimersByTimeAsync(100);
  calm.soon();
  await vi.advanceTimersByTimeAsync(400);
  expect(calm.value).toBe(2);
  calm.soon();
  calm.stop();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(reads).toBe(2);
});
