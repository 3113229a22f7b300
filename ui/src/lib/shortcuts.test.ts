import { flushSync, mount, unmount } from "svelte";
import { afterEach, expect, it, vi } from "vitest";
import { runShortcut, type Shortcut, useShortcuts } from "./shortcuts.svelte";

let stop: (() => void) | undefined;
afterEach(() => stop?.());

function register(shortcuts: Shortcut[]) {
  const Registering = (() => {
    useShortcuts(() => "Test", shortcuts);
  }) as unknown as Parameters<typeof mount>[0];
  const mounted = mount(Registering, { target: document.body });
  flushSync();
  stop = () => void unmount(mounted);
}

const press = (key: string) => runShortcut(new KeyboardEvent("keydown", { key }));

it("waits for the second of two keys, and forgets the first after another key", () => {
  const alerts = vi.fn();
  const acknowledge = vi.fn();
  register([
    { key: "g a", also: "1", does: () => "Go to Alerts", run: alerts },
    { key: "a", does: () => "Acknowledge", run: acknowledge },
  ]);
  press("g");
  press("Shift");
  press("a");
  expect(alerts).toHaveBeenCalledOnce();
  expect(acknowledge).not.toHaveBeenCalled();
  press("a");
  expect(acknowledge).toHaveBeenCalledOnce();
  press("g");
  press("x");
  press("a");
  expect(acknowledge).toHaveBeenCalledTimes(2);
  press("1");
  expect(alerts).toHaveBeenCalledTimes(2);
});

it("forgets the first of two keys after a while", () => {
  vi.useFakeTimers();
  const alerts = vi.fn();
  register([{ key: "g a", does: () => "Go to Alerts", run: alerts }]);
  press("g");
  vi.advanceTimersByTime(2_000);
  press("a");
  expect(alerts).not.toHaveBeenCalled();
  vi.useRealTimers();
});
