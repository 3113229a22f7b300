import type { Link } from "$host/host";
import { m } from "$messages";
import { count, relativeTime, timeLeft } from "$lib/format";
import type { Mark } from "$lib/words/mark";

/** How the connection stands, in words. */
export function linkWords(link: Link, now: number): Mark {
  switch (link.kind) {
    case "connecting":
      return { word: m.app_link_connecting(), icon: "refresh", tone: "neutral" };
    case "catching_up":
      return {
        word:
          link.behind > 0
            ? m.app_link_behind({ done: count(link.total - link.behind), total: count(link.total) })
            : m.app_link_catching_up(),
        icon: "refresh",
        tone: "neutral",
      };
    case "live":
      return { word: m.app_link_live(), icon: "checkCircle", tone: "good" };
    case "offline":
      return {
        word: m.app_link_offline({
          time: relativeTime(Date.parse(link.since), now),
          why: link.why,
        }),
        icon: "alert",
        tone: "warning",
      };
    case "signed_out":
      return { word: m.app_link_signed_out(), icon: "lock", tone: "warning" };
    case "refused_here":
      return {
        word: link.returns_at
          ? m.app_link_refused_returns({ time: timeLeft(Date.parse(link.returns_at), now) })
          : m.app_link_refused_here({ time: relativeTime(Date.parse(link.since), now) }),
        icon: "block",
        tone: "warning",
      };
    case "certificate_changed":
      return { word: m.services_link_certificate(), icon: "error", tone: "critical" };
  }
}
