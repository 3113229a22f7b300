/** What a colour means. */
export type Tone = "critical" | "warning" | "good" | "notice" | "neutral";
