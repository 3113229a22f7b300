/**
 * What a message says before and after one of its parameters, for a place that stands in an element
 * of its own: every language puts it where it belongs.
 */
export function around(say: (slot: string) => string): [before: string, after: string] {
  const [before = "", after = ""] = say(SLOT).split(SLOT);
  return [before, after];
}

/** From the private use area: no message holds it. */
const SLOT = "\uE000";
