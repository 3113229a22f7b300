import type { IconName } from "$components/icons";
import type { Tone } from "$components/tone";

/** A word with the icon and colour that stand with it. */
export interface Mark {
  readonly word: string;
  icon: IconName;
  tone: Tone;
}

/** Words by their key, each asked for when it is read, since the language may change. */
export function named<K extends string>(
  messages: Record<K, () => string>,
): Readonly<Record<K, string>> {
  const properties = Object.entries<() => string>(messages).map(([key, get]) => [
    key,
    { get, enumerable: true },
  ]);
  return Object.defineProperties({}, Object.fromEntries(properties)) as Record<K, string>;
}

export const mark = (word: () => string, icon: IconName, tone: Tone): Mark => ({
  get word() {
    return word();
  },
  icon,
  tone,
});
