import { host } from "$host";

const LOOK_EVERY_MS = 5_000;
const input = ["pointerdown", "pointermove", "keydown", "wheel"] as const;

/**
 * Locks the console after so many minutes without input: only the window sees input. A computer
 * that slept counts the time, too. The returned function stops the watch.
 */
export function lockWhenIdle(minutes: number): () => void {
  let last = Date.now();
  const onInput = () => {
    // The first touch after a long sleep is too late.
    if (Date.now() - last < minutes * 60_000) last = Date.now();
  };
  const look = () => {
    // Refused if it was locked meanwhile, by hand or from the tray.
    if (Date.now() - last >= minutes * 60_000) host.lock().catch(() => undefined);
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  for (const name of input) addEventListener(name, onInput, { capture: true, passive: true });
  return () => {
    clearInterval(timer);
    for (const name of input) removeEventListener(name, onInput, { capture: true });
  };
}
