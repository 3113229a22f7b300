import { m } from "$messages";
import type {
  AlertState,
  Event,
  Outcome,
  PolicyItem,
  Reason,
  SubmissionOutcome,
  TrialState,
} from "$host/host";
import { knownSentence, limitSentence, ruleSentence } from "../policyWords";
import { actionSentence } from "./actions";
import { alertTitle, severityMark } from "./alerts";
import { blockSentence } from "./blocks";
import { mark, type Mark, named } from "./mark";
import { protocolName } from "./names";
import { reasonText } from "./signIns";
import { factSentence, systemMark } from "./system";

const signInMark: Record<Outcome, Mark> = {
  succeeded: mark(m.words_outcome_succeeded, "check", "good"),
  failed: mark(m.words_outcome_failed, "close", "warning"),
  refused: mark(m.words_outcome_refused, "block", "critical"),
  challenged: mark(m.words_outcome_challenged, "key", "notice"),
};

const submissionMark: Record<SubmissionOutcome, Mark> = {
  accepted: mark(m.words_outcome_accepted, "send", "good"),
  deferred: mark(m.words_outcome_deferred, "clock", "warning"),
  held: mark(m.words_outcome_held, "pause", "warning"),
  rejected: mark(m.words_outcome_rejected, "block", "critical"),
  abandoned: mark(m.words_outcome_abandoned, "minus", "neutral"),
};

const alertEventWord = named<AlertState>({
  open: m.words_alert_open,
  acknowledged: m.words_alert_acknowledged,
  resolved: m.words_alert_resolved,
});

/** How an event reads in one row. */
export interface EventLine {
  mark: Mark;
  /** The account, admin or thing it is about. */
  who: string;
  address: string | null;
  /** The protocol, or what kind of event it is. */
  where: string;
  /** Why it went so, or what was done. */
  what: string;
}

export function eventLine(event: Event): EventLine {
  const { body } = event;
  switch (body.type) {
    case "sign_in":
      return {
        mark: signInMark[body.outcome],
        who: body.login,
        address: body.address,
        where: protocolName[body.protocol],
        what: body.reasons[0] ? reasonText(body.reasons[0]) : "",
      };
    case "submission":
      return {
        mark: submissionMark[body.outcome],
        who: body.login ?? body.sender ?? m.words_unknown_sender(),
        address: body.address,
        where: m.words_message(),
        what: submissionSentence(body.recipients, body.reasons[0]),
      };
    case "alert":
      return {
        mark: {
          ...severityMark[body.severity],
          word: alertEventWord[body.state],
        },
        who: body.login ?? body.network ?? "",
        address: body.addresses_total === 1 ? (body.addresses[0] ?? null) : null,
        where: m.words_alert_open(),
        what: alertTitle(body),
      };
    case "block":
      return {
        mark: body.lifted_at
          ? mark(m.words_block_lifted, "unlock", "neutral")
          : mark(m.words_blocked, "block", "critical"),
        who: body.lifted_by_login ?? body.created_by_login ?? m.words_the_service(),
        address: body.target.kind === "address" ? body.target.address : null,
        where: m.words_block(),
        what: blockSentence(body),
      };
    case "account":
      return {
        mark: mark(m.words_account, "user", "neutral"),
        who: body.login,
        address: null,
        where: m.words_account(),
        what:
          body.origin === "discovered"
            ? m.words_account_discovered()
            : body.name || m.words_account_changed(),
      };
    case "policy":
      return policyLine(body, Date.parse(event.at));
    case "admin":
      return {
        mark: mark(m.words_admin, "user", "neutral"),
        who: body.login,
        address: body.address,
        where: m.words_admin(),
        what: actionSentence(body.action, body.target),
      };
    case "system":
      return {
        mark: systemMark(body),
        who: "",
        address: null,
        where: m.words_service(),
        what: factSentence(body),
      };
  }
}

/** A changed rule, limit, list of known networks or trial in one row. */
export function policyLine(item: PolicyItem, at: number): EventLine {
  switch (item.item) {
    case "access_rule":
      return {
        ...changeOf(item.changed_by_login, item.version, item.deleted_at),
        where: m.words_policy_rule(),
        what: ruleSentence(item.terms, at),
      };
    case "sending_limit":
      return {
        ...changeOf(item.changed_by_login, item.version, item.deleted_at),
        where: m.words_policy_limit(),
        what: limitSentence(item.terms),
      };
    case "known_networks":
      return {
        ...changeOf(item.changed_by_login, item.version, null),
        where: m.words_policy_known(),
        what: knownSentence(item),
      };
    case "trial":
      return {
        mark: trialMark[item.state],
        who: item.ended_by_login ?? item.login ?? m.words_the_service(),
        address: null,
        where: m.words_policy_trial(),
        what: item.change,
      };
  }
}

function changeOf(
  login: string | null,
  version: number,
  deleted: string | null,
): Pick<EventLine, "mark" | "who" | "address"> {
  const word = deleted
    ? m.words_policy_deleted
    : version <= 1
      ? m.words_policy_created
      : m.words_policy_changed;
  return {
    mark: mark(word, "shield", "neutral"),
    who: login ?? m.words_the_service(),
    address: null,
  };
}

const trialMark: Record<TrialState, Mark> = {
  running: mark(m.words_policy_running, "hourglass", "warning"),
  kept: mark(m.words_policy_kept, "check", "neutral"),
  returned: mark(m.words_policy_returned, "undo", "notice"),
};

function submissionSentence(count: number, reason: Reason | undefined): string {
  const recipients = m.words_recipients({ count });
  return reason
    ? m.words_recipients_and_reason({ recipients, reason: reasonText(reason) })
    : recipients;
}
