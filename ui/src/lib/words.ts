import type { IconName } from "$components/icons";
import type { Tone } from "$components/tone";
import type {
  Alert,
  AlertKind,
  AlertState,
  Block,
  BlockTarget,
  Event,
  EventKind,
  MailServerKind,
  Outcome,
  OutcomeFilter,
  Protocol,
  Role,
  Severity,
  SubmissionOutcome,
  SystemFact,
} from "$host/host";
import { count, counted, inOwnTime, shortTime } from "./format";

/** A word with the icon and colour that stand with it. */
export interface Mark {
  word: string;
  icon: IconName;
  tone: Tone;
}

export const protocolName: Record<Protocol, string> = {
  web: "Web",
  api: "API",
  imap: "IMAP",
  pop3: "POP3",
  submission: "Submission",
  sieve: "Sieve",
};

export const kindName: Record<EventKind, string> = {
  sign_in: "Sign-ins",
  submission: "Submissions",
  alert: "Alerts",
  block: "Blocks",
  account: "Accounts",
  admin: "Admin actions",
  system: "Service",
};

export const outcomeName: Record<OutcomeFilter, string> = {
  allowed: "Allowed",
  failed: "Failed",
  refused: "Refused",
  challenged: "Code asked for",
  abandoned: "Abandoned",
};

export const severityMark: Record<Severity, Mark> = {
  notice: { word: "Notice", icon: "info", tone: "notice" },
  attention: { word: "Attention", icon: "alert", tone: "warning" },
  critical: { word: "Critical", icon: "error", tone: "critical" },
};

export const alertStateMark: Record<AlertState, Mark> = {
  open: { word: "Open", icon: "dot", tone: "notice" },
  acknowledged: { word: "Acknowledged", icon: "eye", tone: "neutral" },
  resolved: { word: "Resolved", icon: "check", tone: "good" },
};

export const alertKindName: Record<AlertKind, string> = {
  repeated_failures: "Repeated failures for an account",
  network_failures: "One network fails on several accounts",
  success_after_failures: "Success after failures",
  admin_new_device: "Admin on a new device",
  outbox_stuck: "Mail outbox stuck",
  service_unreachable: "Service unreachable",
};

/** What an admin does about an alert of this kind. */
export const alertAdvice: Record<AlertKind, string> = {
  repeated_failures:
    "Ask the owner whether an old phone or program still uses a former password. If not, block the network it comes from.",
  network_failures:
    "Block the network, unless many of your people share it: a whole office behind one address can look like this after a change of passwords.",
  success_after_failures:
    "Ask the owner whether it was they. If not, block the network and have the password changed at once.",
  admin_new_device:
    "If it was you or a colleague, resolve this. If not, change that admin's password at once and block the address.",
  outbox_stuck:
    "Sign-in codes and messages reach nobody meanwhile. Check the relay in Settings, Mail, and send a test message from there.",
  service_unreachable:
    "Check that mailcupd runs and that this computer is online. Until then you see the local copy, and nothing can be changed. This alert ends by itself.",
};

export const roleName: Record<Role, string> = {
  owner: "Owner",
  admin: "Admin",
  auditor: "Auditor, reads only",
};

export const serverName: Record<MailServerKind, string> = {
  dovecot: "Dovecot",
  postfix: "Postfix",
};

const signInMark: Record<Outcome, Mark> = {
  succeeded: { word: "Signed in", icon: "check", tone: "good" },
  failed: { word: "Failed", icon: "close", tone: "warning" },
  refused: { word: "Refused", icon: "block", tone: "critical" },
  challenged: { word: "Code asked for", icon: "key", tone: "notice" },
};

const submissionMark: Record<SubmissionOutcome, Mark> = {
  accepted: { word: "Sent", icon: "send", tone: "good" },
  deferred: { word: "Deferred", icon: "clock", tone: "warning" },
  held: { word: "Held", icon: "pause", tone: "warning" },
  rejected: { word: "Rejected", icon: "block", tone: "critical" },
  abandoned: { word: "Abandoned", icon: "minus", tone: "neutral" },
};

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
        what: inOwnTime(body.reasons[0]?.text ?? ""),
      };
    case "submission":
      return {
        mark: submissionMark[body.outcome],
        who: body.login ?? body.sender ?? "unknown sender",
        address: body.address,
        where: "Message",
        what: [counted(body.recipients, "recipient"), inOwnTime(body.reasons[0]?.text ?? "")]
          .filter(Boolean)
          .join("; "),
      };
    case "alert":
      return {
        mark: {
          ...severityMark[body.severity],
          word: body.state === "open" ? "Alert" : `Alert ${body.state}`,
        },
        who: body.login ?? body.network ?? "",
        address: body.addresses_total === 1 ? (body.addresses[0] ?? null) : null,
        where: "Alert",
        what: body.title,
      };
    case "block":
      return {
        mark: body.lifted_at
          ? { word: "Block lifted", icon: "unlock", tone: "neutral" }
          : { word: "Blocked", icon: "block", tone: "critical" },
        who: body.lifted_by_login ?? body.created_by_login ?? "the service",
        address: body.target.kind === "address" ? body.target.address : null,
        where: "Block",
        what: blockSentence(body),
      };
    case "account":
      return {
        mark: { word: "Account", icon: "user", tone: "neutral" },
        who: body.login,
        address: null,
        where: "Account",
        what:
          body.origin === "discovered"
            ? "First seen at the mail server"
            : body.name || "Added or changed",
      };
    case "admin":
      return {
        mark: { word: "Admin", icon: "user", tone: "neutral" },
        who: body.login,
        address: body.address,
        where: "Admin",
        what: actionSentence(body.action, body.target),
      };
    case "system":
      return {
        mark: systemMark(body),
        who: "",
        address: null,
        where: "Service",
        what: factSentence(body),
      };
  }
}

/** What an admin did, by the stable name that the service gives it. */
const actionNames: Record<string, string> = {
  "account.change": "Changed an account",
  "account.create": "Added an account",
  "account.import": "Imported accounts",
  "admin.change": "Changed an admin",
  "admin.create": "Added an admin",
  "admin.recover": "Opened a way back in from the server",
  "admin.remove": "Removed an admin",
  "alert.acknowledge": "Acknowledged an alert",
  "alert.reopen": "Opened an alert again",
  "alert.resolve": "Resolved an alert",
  "api_key.create": "Created an API key",
  "api_key.revoke": "Revoked an API key",
  "block.change": "Changed a block",
  "block.create": "Set a block",
  "block.lift": "Lifted a block",
  "factor.add": "Added a second factor",
  "factor.remove": "Removed a second factor",
  "factor.renew": "Renewed a second factor",
  "organization.change": "Changed the organization",
  "password.change": "Changed the password",
  "service.set_up": "Set up the service",
  "session.begin": "Signed in on a device",
  "session.end": "Signed out a device",
  "session.end_all": "Signed out everywhere",
  "session.end_others": "Signed out all other devices",
  "settings.alerts": "Changed when alerts are raised",
  "settings.mail": "Changed how mail leaves",
  "settings.mail_test": "Sent a test message",
  "settings.retention": "Changed how long events are kept",
};

/** Targets that say no more than the action does. */
const plainTargets = ["alerts", "mail", "retention"];

export function actionSentence(action: string, target: string): string {
  const known = Object.hasOwn(actionNames, action) ? actionNames[action] : undefined;
  const words = action.replaceAll(/[._]/g, " ");
  const what = known ?? words.charAt(0).toUpperCase() + words.slice(1);
  return target && !plainTargets.includes(target) ? `${what}: ${target}` : what;
}

function systemMark(fact: SystemFact): Mark {
  switch (fact.fact) {
    case "outbox_stuck":
    case "clock_jumped":
      return { word: "Service", icon: "alert", tone: "warning" };
    case "started":
    case "stopped":
    case "set_up":
    case "mail_server_seen":
    case "outbox_flows":
    case "events_expired":
      return { word: "Service", icon: "server", tone: "neutral" };
  }
}

export function factSentence(fact: SystemFact): string {
  switch (fact.fact) {
    case "started":
      return `Started, version ${fact.version}`;
    case "stopped":
      return "Stopped";
    case "set_up":
      return `Set up for ${fact.organization}`;
    case "mail_server_seen":
      return `First request from ${serverName[fact.server]} (${fact.name})`;
    case "outbox_stuck":
      return `Mail outbox stuck: ${counted(fact.waiting, "message")} waiting`;
    case "outbox_flows":
      return "Mail outbox flows again";
    case "clock_jumped":
      return `The clock jumped by ${count(fact.seconds)} s`;
    case "events_expired":
      return `${counted(fact.count, "event")} passed the retention and left`;
  }
}

export function targetText(target: BlockTarget): string {
  switch (target.kind) {
    case "address":
      return target.address;
    case "network":
      return target.network;
    case "account":
      return target.login;
  }
}

export const targetName: Record<BlockTarget["kind"], string> = {
  address: "Address",
  network: "Network",
  account: "Account",
};

function blockSentence(block: Block): string {
  const whom = `${targetName[block.target.kind]} ${targetText(block.target)}`;
  if (block.lifted_at) return `${whom} may sign in again`;
  return block.expires_at
    ? `${whom} until ${shortTime(Date.parse(block.expires_at), Date.now())}`
    : `${whom} until lifted`;
}

/** The sentence at the top of the inbox. */
export function alertsSentence(open: readonly Alert[]): string {
  if (open.length === 0) return "All is well: no alert is open.";
  const critical = open.filter((alert) => alert.severity === "critical").length;
  const first = counted(open.length, "open alert");
  return critical === 0 ? `${first}, none critical.` : `${first}, ${count(critical)} critical.`;
}
