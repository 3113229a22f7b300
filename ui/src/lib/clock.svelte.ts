/** The current time as state, so that "3 min ago" stays true while it is on screen. */
let now = $state(Date.now());

export function currentTime(): number {
  return now;
}

/** Advances the clock; the returned function stops it. */
export function startClock(everyMs = 5_000): () => void {
  const tick = () => {
    now = Date.now();
  };
  tick();
  const timer = setInterval(tick, everyMs);
  document.addEventListener("visibilitychange", tick);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", tick);
  };
}
