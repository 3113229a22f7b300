import { m } from "$messages";
import type { AuthenticationResult } from "$host/host";
import type { Mark } from "./words";

/** How a method of Authentication-Results went (RFC 8601). */
export function authenticationMark({ method, result }: AuthenticationResult): Mark {
  const name = method.toUpperCase();
  switch (result.toLowerCase()) {
    case "pass":
      return { tone: "good", icon: "check", word: m.review_auth_pass({ name }) };
    case "fail":
      return { tone: "critical", icon: "close", word: m.review_auth_fail({ name }) };
    case "softfail":
    case "policy":
      return { tone: "warning", icon: "alert", word: m.review_auth_softfail({ name }) };
    case "none":
    case "neutral":
      return { tone: "neutral", icon: "minus", word: m.review_auth_none({ name }) };
    default:
      return { tone: "warning", icon: "alert", word: m.review_auth_error({ name, result }) };
  }
}

/** What that means of the sender. */
export function authenticationWords({ method, result, about }: AuthenticationResult): string {
  const how = outcome(result);
  const named = about || m.review_auth_somebody();
  switch (method.toLowerCase()) {
    case "spf":
      return how === "pass"
        ? m.review_spf_pass({ about: named })
        : how === "fail"
          ? m.review_spf_fail({ about: named })
          : m.review_spf_none({ about: named });
    case "dkim":
      return how === "pass"
        ? m.review_dkim_pass({ about: named })
        : how === "fail"
          ? m.review_dkim_fail({ about: named })
          : m.review_dkim_none();
    case "dmarc":
      return how === "pass"
        ? m.review_dmarc_pass({ about: named })
        : how === "fail"
          ? m.review_dmarc_fail({ about: named })
          : m.review_dmarc_none({ about: named });
    case "arc":
      return how === "pass" ? m.review_arc_pass() : m.review_arc_other();
    default:
      return about;
  }
}

function outcome(result: string): "pass" | "fail" | "none" {
  switch (result.toLowerCase()) {
    case "pass":
      return "pass";
    case "fail":
    case "softfail":
    case "policy":
      return "fail";
    default:
      return "none";
  }
}
