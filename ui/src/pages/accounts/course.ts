const DAY = 86_400_000;

/** Days from which a course over `days` days is asked for: whole ones, in UTC as the steps are. */
export function since(now: number, days: number): number {
  return Math.floor(now / DAY) * DAY - (days - 1) * DAY;
}

/** How high a bar is in a picture of this height; what is there is seen. */
export function barHeight(value: number, highest: number, height: number): number {
  return value === 0 || highest === 0 ? 0 : Math.max(2, Math.round((value / highest) * height));
}
