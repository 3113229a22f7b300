import { afterEach, expect, it } from "vitest";
import { m } from "$messages";
import { beginToSpeak, locale, speak, spoken } from "./language.svelte";

afterEach(() => {
  speak("system");
});

it.each([
  [["de-AT", "en"], "de"],
  [["fr-FR", "uk", "en"], "uk"],
  [["UK-UA"], "uk"],
  [["fr-FR"], "en"],
  [[], "en"],
])("of a system's %j speaks %s", (tags, expected) => {
  expect(spoken(tags)).toBe(expected);
});

it("changes every word at once, and is remembered", () => {
  beginToSpeak();
  expect(m.settings_language()).toBe("Language");
  speak("de");
  expect(locale()).toBe("de");
  expect(m.settings_language()).toBe("Sprache");
  expect(document.documentElement.lang).toBe("de");
  expect(localStorage.getItem("language")).toBe("de");
  speak("uk");
  expect(m.settings_language()).toBe("Мова");
  speak("system");
  expect(m.settings_language()).toBe("Language");
});
