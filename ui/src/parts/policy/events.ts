import type { AccessTerms, LimitTerms, PolicyScope, ReasonCode } from "$host/host";
import { address } from "$lib/router.svelte";

/** How far back the effect of rules and limits is counted. */
const SINCE = "30d";

function inActivity(scope: PolicyScope, reason: ReasonCode): string {
  return address(["activity"], {
    since: SINCE,
    account: scope.kind === "account" ? scope.login : undefined,
    domain: scope.kind === "domain" ? scope.domain : undefined,
    reason,
  });
}

/** Where Activity shows what a rule refused, or would have refused. */
export function ruleEvents({ scope, action }: AccessTerms, would: boolean): string {
  const reasons = {
    deny: { did: "rule_denied", would: "rule_would_deny" },
    allow: { did: "rule_not_allowed", would: "rule_would_not_allow" },
  } as const;
  return inActivity(scope, reasons[action][would ? "would" : "did"]);
}

/** Where Activity shows what a limit stopped, or would have stopped. */
export function limitEvents({ scope }: LimitTerms, would: boolean): string {
  return inActivity(scope, would ? "limit_would_reach" : "limit_reached");
}
