const KEPT = 20;
const REMEMBERED = "used-lately";

/**
 * What was chosen in the palette, the last first. Only pages and actions outlive the window: what
 * names an account or an alert is a content of the store and never lies outside of it.
 */
let used: string[] = remembered();

export function usedLately(): readonly string[] {
  return used;
}

export function use(id: string) {
  used = [id, ...used.filter((other) => other !== id)].slice(0, KEPT);
  localStorage.setItem(REMEMBERED, JSON.stringify(used.filter(isOurs)));
}

/** Ids of contents are addresses. */
const isOurs = (id: string) => !id.startsWith("#");

function remembered(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(REMEMBERED) ?? "[]");
    return Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}

/** When the console locks, what names contents goes. */
export function forgetContents() {
  used = used.filter(isOurs);
}
