import type { Column } from "$host/host";

/** What a row of the list may show. */
export const columnNames = [
  "time",
  "outcome",
  "account",
  "address",
  "protocol",
  "reason",
  "device",
  "server",
  "number",
] as const;
export type ColumnName = (typeof columnNames)[number];

export const usualColumns: readonly ColumnName[] = [
  "time",
  "outcome",
  "account",
  "address",
  "protocol",
  "reason",
];

/** In a narrow window the outcome must do; the drawer says why. */
export const narrowColumns = usualColumns.filter((name) => name !== "reason");

/** A CSS grid track for each, and how wide its shape is while a row loads. */
export const columnShape: Record<ColumnName, { width: string; shape: number }> = {
  time: { width: "clamp(116px, 13%, 160px)", shape: 8 },
  outcome: { width: "108px", shape: 10 },
  account: { width: "minmax(150px, 1.2fr)", shape: 20 },
  address: { width: "minmax(118px, 1fr)", shape: 14 },
  protocol: { width: "84px", shape: 6 },
  reason: { width: "minmax(0, 1.5fr)", shape: 24 },
  device: { width: "minmax(0, 1fr)", shape: 18 },
  server: { width: "minmax(0, 0.8fr)", shape: 12 },
  number: { width: "minmax(0, 88px)", shape: 7 },
};

/** Where many columns share a narrow window, none insists on its width. */
export function columnWidth(name: ColumnName, columns: number, room: number): string {
  const { width } = columnShape[name];
  return isTight(columns, room) ? (tight[name] ?? width) : width;
}

/** Whether the time of day leaves room to say how long ago it is. */
export function saysAgo(columns: number, room: number): boolean {
  return !isTight(columns, room) && room >= 1_090;
}

function isTight(columns: number, room: number): boolean {
  return columns > usualColumns.length && room < 150 * columns;
}

const tight: Partial<Record<ColumnName, string>> = {
  time: "minmax(0, 1.2fr)",
  outcome: "minmax(0, 1.2fr)",
  account: "minmax(0, 1.6fr)",
  address: "minmax(0, 1.4fr)",
  protocol: "minmax(0, 0.8fr)",
  number: "minmax(0, 0.8fr)",
};

/** What an export may hold, and what it calls the columns of the list. */
export const exportColumns: readonly Column[] = [
  "time",
  "id",
  "kind",
  "account",
  "address",
  "protocol",
  "outcome",
  "reasons",
  "client",
  "server",
  "text",
];

export const exported: Record<ColumnName, Column> = {
  time: "time",
  outcome: "outcome",
  account: "account",
  address: "address",
  protocol: "protocol",
  reason: "reasons",
  device: "client",
  server: "server",
  number: "id",
};

/** Shown or hidden; a column that returns stands where it usually does. At least one stays. */
export function toggled(shown: readonly ColumnName[], name: ColumnName): readonly ColumnName[] {
  if (!shown.includes(name)) {
    const before = columnNames.slice(0, columnNames.indexOf(name));
    const at = shown.findLastIndex((other) => before.includes(other)) + 1;
    return shown.toSpliced(at, 0, name);
  }
  return shown.length === 1 ? shown : shown.filter((other) => other !== name);
}

/** One place further to the front (-1) or the back (1). */
export function moved(
  shown: readonly ColumnName[],
  name: ColumnName,
  step: -1 | 1,
): readonly ColumnName[] {
  const from = shown.indexOf(name);
  const to = from + step;
  if (from < 0 || to < 0 || to >= shown.length) return shown;
  return shown.toSpliced(from, 1).toSpliced(to, 0, name);
}
