/** A time as a `datetime-local` field holds it, in the reader's zone. */
export function fieldValue(at: number): string {
  const offset = new Date(at).getTimezoneOffset() * 60_000;
  return new Date(at - offset).toISOString().slice(0, 16);
}
