import { m } from "$messages";
import type { RuleFinding } from "$host/host";
import type { Mark } from "$lib/words/mark";

/** What is odd about a rule, in a few words and in a sentence. */
export function findingMark({ kind }: RuleFinding): Mark {
  switch (kind) {
    case "swallowed":
      return { word: m.rules_found_swallowed(), icon: "alert", tone: "warning" };
    case "partly_swallowed":
      return { word: m.rules_found_partly(), icon: "alert", tone: "warning" };
    case "redundant":
      return { word: m.rules_found_redundant(), icon: "info", tone: "neutral" };
    case "expired":
      return { word: m.rules_found_expired(), icon: "clock", tone: "neutral" };
    case "list_closed":
      return { word: m.rules_found_list_closed(), icon: "error", tone: "critical" };
    case "expires_soon":
      return { word: m.rules_found_expires_soon(), icon: "clock", tone: "warning" };
    case "overruled":
      return { word: m.rules_found_overruled(), icon: "info", tone: "warning" };
    case "never_in_time":
      return { word: m.rules_found_never(), icon: "alert", tone: "warning" };
    case "no_places":
      return { word: m.rules_found_no_places(), icon: "globe", tone: "warning" };
  }
}

export function findingText({ kind }: RuleFinding): string {
  switch (kind) {
    case "swallowed":
      return m.rules_text_swallowed();
    case "partly_swallowed":
      return m.rules_text_partly();
    case "redundant":
      return m.rules_text_redundant();
    case "expired":
      return m.rules_text_expired();
    case "list_closed":
      return m.rules_text_list_closed();
    case "expires_soon":
      return m.rules_text_expires_soon();
    case "overruled":
      return m.rules_text_overruled();
    case "never_in_time":
      return m.rules_text_never();
    case "no_places":
      return m.rules_text_no_places();
  }
}
