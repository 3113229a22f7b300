/**
 * Which element shows which row of a list that moves. A row keeps its element for as long as it is shown. Where none stays,
 * as in a burst of new ones, the rows that come take the elements of those that went, in their order: what is there is
 * written into, and nothing is built or moved.
 */
export class Recycling {
  #elements = new Map<number, number>();
  #made = 0;

  /** The elements of these rows, in their order. */
  of(rows: readonly number[]): number[] {
    const stays = rows.some((row) => this.#elements.has(row));
    const free = stays ? [] : [...this.#elements.values()];
    const elements = new Map<number, number>();
    for (const row of rows)
      elements.set(row, this.#elements.get(row) ?? free.shift() ?? (this.#made += 1));
    this.#elements = elements;
    return [...elements.values()];
  }
}
