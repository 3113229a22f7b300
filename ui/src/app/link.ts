import type { Link } from "$host/host";
import { count, relativeTime } from "$lib/format";
import type { Mark } from "$lib/words";

/** How the connection stands, in words. */
export function linkWords(link: Link, now: number): Mark {
  switch (link.kind) {
    case "connecting":
      return { word: "Connecting…", icon: "refresh", tone: "neutral" };
    case "catching_up":
      return {
        word:
          link.behind > 0
            ? `Catching up: ${count(link.total - link.behind)} of ${count(link.total)} events`
            : "Catching up…",
        icon: "refresh",
        tone: "neutral",
      };
    case "live":
      return { word: "Up to date", icon: "checkCircle", tone: "good" };
    case "offline":
      return {
        word: `Offline since ${relativeTime(Date.parse(link.since), now)}: ${link.why}`,
        icon: "alert",
        tone: "warning",
      };
    case "signed_out":
      return { word: "Signed out", icon: "lock", tone: "warning" };
  }
}
