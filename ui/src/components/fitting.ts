interface Track {
  /** A CSS grid track: `120px`, `1fr` or `minmax(0, 1fr)`. */
  width: string;
  /** It holds what can be done, and stays. */
  quiet?: boolean;
}

/** Narrower than this, a column that takes what is left says nothing. */
const LEAST = 64;
const GAP = 12;
const EDGES = 48;

/**
 * The columns that fit into so many pixels. Those that don't are left out, from the last to the
 * first, before those whose width is what is left: what a row is about stays, and its details tell
 * the rest. Zero pixels are not measured yet.
 */
export function fitting<Column extends Track>(
  columns: readonly Column[],
  available: number,
): Column[] {
  const kept = [...columns];
  while (available > 0 && kept.length > 2 && needed(kept) > available) {
    const fixed = kept.findLastIndex(
      (column, index) => index > 0 && !isFlexible(column) && !column.quiet,
    );
    const flexible = kept.findLastIndex((column) => !column.quiet);
    kept.splice(Math.max(1, fixed < 0 ? flexible : fixed), 1);
  }
  return kept;
}

function needed(columns: readonly Track[]): number {
  return columns.reduce((sum, column) => sum + least(column) + GAP, EDGES - GAP);
}

function least({ width }: Track): number {
  const pixels = Math.max(
    0,
    ...[...width.matchAll(/([\d.]+)px/g)].map(([, value]) => Number(value)),
  );
  return isFlexible({ width }) ? Math.max(LEAST, pixels) : pixels;
}

function isFlexible({ width }: Track): boolean {
  return width.includes("fr");
}
