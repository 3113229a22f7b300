/** What can be found by typing. */
export interface Findable {
  id: string;
  label: string;
  group: string;
  /** Other words by which one may look for it. */
  also?: string;
}

// How well a typed word fits: the whole of a word, its beginning, something within, letters in order.
const WHOLE = 100;
const BEGINNING = 80;
const WITHIN = 40;
const IN_ORDER = 10;
/** What is found by its group or its other words alone counts less than what bears the word itself. */
const ASIDE = 0.4;
/** What was used lately wins among what fits about as well. */
const LATELY = 6;

/**
 * The entries in which every typed word is found, the best first; of those that fit equally well,
 * first what was used lately and then as they stand. Nothing typed: all of them, in their order.
 */
export function ranked<Entry extends Findable>(
  entries: readonly Entry[],
  typed: string,
  recent: readonly string[] = [],
): Entry[] {
  const words = fold(typed).split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...entries];
  const found = entries
    .map((entry, index) => ({ entry, index, score: score(entry, words, recent) }))
    .filter((one) => one.score > 0);
  // Letters that happen to stand in order are a guess, and none is needed where words are found.
  const best = Math.max(0, ...found.map((one) => one.score));
  return found
    .filter((one) => one.score > IN_ORDER + LATELY || best <= IN_ORDER + LATELY)
    .toSorted((a, b) => b.score - a.score || a.index - b.index)
    .map(({ entry }) => entry);
}

function score(entry: Findable, words: readonly string[], recent: readonly string[]): number {
  const label = fold(entry.label);
  const aside = fold(`${entry.group} ${entry.also ?? ""}`);
  let sum = 0;
  for (const word of words) {
    const found = Math.max(fit(label, word, true), ASIDE * fit(aside, word, false));
    if (found === 0) return 0;
    sum += found;
  }
  const place = recent.indexOf(entry.id);
  // Of two labels that fit equally well, the shorter says less besides.
  return sum / words.length - label.length / 1000 + (place < 0 ? 0 : LATELY - place / 10);
}

function fit(text: string, word: string, loosely: boolean): number {
  const known = text.split(/[\s›,@./:-]+/);
  if (known.includes(word)) return WHOLE;
  if (known.some((candidate) => candidate.startsWith(word))) return BEGINNING;
  // One or two letters stand within almost everything.
  if (word.length < 3 || !loosely) return 0;
  if (text.includes(word)) return WITHIN;
  return inOrder(text, word);
}

/** The letters of the word in their order, near each other: "ntf" in "notifications". */
function inOrder(text: string, word: string): number {
  let from = text.indexOf(word.charAt(0));
  while (from >= 0) {
    let at = from;
    for (const letter of word.slice(1)) {
      at = text.indexOf(letter, at + 1);
      if (at < 0) return 0;
    }
    const gaps = at - from + 1 - word.length;
    if (gaps <= word.length) return IN_ORDER - Math.min(IN_ORDER - 1, gaps);
    from = text.indexOf(word.charAt(0), from + 1);
  }
  return 0;
}

/** Without capitals and accents, so that "uber" finds "Überblick". */
function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{Diacritic}/gu, "")
    .toLowerCase();
}
