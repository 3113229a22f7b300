import { host } from "$host";
import { speak } from "$lib/language.svelte";
import type { Preferences, Theme } from "./host";

let current = $state.raw<Preferences>();

const REMEMBERED_THEME = "theme";

/** Of this console alone; undefined while they are not known (or locked away). */
export function preferences(): Preferences | undefined {
  return current;
}

export async function changePreferences(change: Partial<Preferences>) {
  const before = current ?? (await host.preferences());
  take({ ...before, ...change });
  try {
    take(await host.setPreferences({ ...before, ...change }));
  } catch (thrown) {
    take(before);
    throw thrown;
  }
}

/** Reads the preferences now and whenever they change; the returned function stops that. */
export function followPreferences(): () => void {
  const ask = () => {
    // While the console is locked there are none; the look stays as it was.
    host.preferences().then(take, () => undefined);
  };
  ask();
  const stops = [
    host.onDataChanged(({ settings }) => {
      if (settings) ask();
    }),
    host.onView(({ phase }) => {
      if (phase.kind === "ready" && current === undefined) ask();
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function take(preferences: Preferences) {
  current = preferences;
  applyTheme(preferences.theme);
  speak(preferences.language ?? "system");
}

function applyTheme(theme: Theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem(REMEMBERED_THEME, theme);
}

/** The theme of the last time, before anything is drawn. */
export function applyRememberedTheme() {
  document.documentElement.dataset.theme = localStorage.getItem(REMEMBERED_THEME) ?? "system";
}
