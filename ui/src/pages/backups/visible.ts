/** Marks that turn the direction of a text around: a name that holds them reads as another one. */
const TURNING = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/** A name as it is, with what would turn it around made visible. */
export function visible(name: string): string {
  return name.replace(TURNING, "\u25A1");
}

/** Of a sender, the name, or the address where there is none. */
export function senderName(from: string): string {
  return visible(from.replace(/\s*<[^>]*>$/, "") || from);
}
