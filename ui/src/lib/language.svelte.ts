import type { Language } from "$host/host";
import { baseLocale, locales, overwriteGetLocale } from "../paraglide/runtime.js";

export type Locale = (typeof locales)[number];

/** Each language in its own words. */
export const languageNames: Record<Locale, string> = {
  en: "English",
  de: "Deutsch",
  uk: "Українська",
};

const REMEMBERED = "language";

const known = (tag: unknown): tag is Locale => locales.some((locale) => locale === tag);

/** The first of these that we speak, in whatever country. */
export function spoken(tags: readonly string[]): Locale {
  return tags.map((tag) => tag.split("-")[0]?.toLowerCase()).find(known) ?? baseLocale;
}

let chosen = $state<Language>(remembered());
let ofSystem = $state.raw(navigator.languages);
const current = $derived(chosen === "system" ? spoken(ofSystem) : chosen);

/** In which the window speaks now; what calls it is drawn again when that changes. */
export function locale(): Locale {
  return current;
}

/** Changes the language of the window, and of its next start. */
export function speak(language: Language) {
  chosen = language;
  localStorage.setItem(REMEMBERED, language);
  document.documentElement.lang = current;
}

/** Lets the messages follow the language, beginning with that of the last time. */
export function beginToSpeak() {
  overwriteGetLocale(locale);
  document.documentElement.lang = current;
  window.addEventListener("languagechange", () => {
    ofSystem = navigator.languages;
    document.documentElement.lang = current;
  });
}

/** Read before the core answers, so that the first words are right already. */
function remembered(): Language {
  const kept = localStorage.getItem(REMEMBERED);
  return known(kept) ? kept : "system";
}
