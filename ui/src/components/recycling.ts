/**
 * Which element shows which row of a list that moves. A row keeps its element for as long as it is shown; one that comes
 * takes the element of one that went, so that a burst of new rows writes into what is there instead of building it anew.
 */
export class Recycling {
  #elements = new Map<number, number>();
  #made = 0;

  /** The elements of these rows, in their order. */
  of(rows: readonly number[]): number[] {
    const shown = new Set(rows);
    const free = [...this.#elements]
      .filter(([row]) => !shown.has(row))
      .map(([, element]) => element);
    const elements = new Map<number, number>();
    for (const row of rows)
      elements.set(row, this.#elements.get(row) ?? free.shift() ?? (this.#made += 1));
    this.#elements = elements;
    return [...elements.values()];
  }
}
