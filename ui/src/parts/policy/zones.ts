const SHOWN = 8;

/** The reader's own time zone. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Time zones whose name holds what was typed. */
export function completeZone(text: string) {
  const wanted = text.trim().toLowerCase().replaceAll(" ", "_");
  return Intl.supportedValuesOf("timeZone")
    .filter((zone) => zone.toLowerCase().includes(wanted))
    .slice(0, SHOWN)
    .map((value) => ({ value }));
}
