import type * as t from "../host";
import * as seed from "./seed";

/** What a mocked core holds when a page opens; `?scenario=` chooses it. */
type Scenario =
  | "first-run"
  | "set-up"
  | "keyring"
  | "sign-in"
  | "code"
  | "locked"
  | "well"
  | "attack"
  | "offline"
  | "signed-out"
  | "empty"
  | "worst"
  | "million"
  | "notices"
  | "auditor"
  | "relay"
  | "slow"
  | "broken"
  | "services"
  | "again"
  | "drafts"
  | "trial";

export const parameters = new URLSearchParams(location.search);
export const scenario = (parameters.get("scenario") ?? "well") as Scenario;
export const now = Date.now();
export const PASSPHRASE = "open sesame";

export const attacked = ["attack", "auditor", "locked", "offline", "notices", "services"].includes(
  scenario,
);
export const fresh = ["first-run", "set-up", "keyring", "empty"].includes(scenario);

/** How mail leaves at first. */
export const firstMail: t.MailSettings = {
  from: "mailcup@example.org",
  transport:
    scenario === "relay" || scenario === "worst"
      ? {
          kind: "relay",
          host: "smtp.example.org",
          port: 587,
          security: "start_tls",
          username: "mailcup",
          has_password: true,
        }
      : { kind: "local", folder: "/home/maria/.local/share/mailcup/service/outbox" },
  version: 1,
};
export const challenge: t.Challenge = {
  id: "ch1",
  factors: ["email", "authenticator", "recovery_code"],
  sent_to: "ma•••@example.org",
  outbox_folder: scenario === "code" ? null : "/home/maria/.local/share/mailcup/service/outbox/new",
  expires_at: seed.iso(now + 600_000),
  tries_left: 5,
};

/** The view at first; alerts are not counted yet. */
export const firstView: Omit<t.View, "events"> = {
  phase: firstPhase(),
  service: ["first-run", "keyring"].includes(scenario) ? null : service("live"),
  services: [],
  admin: ["first-run", "set-up", "keyring", "sign-in", "code", "locked"].includes(scenario)
    ? null
    : { ...seed.admin(now), ...(scenario === "auditor" ? { role: "auditor" as const } : {}) },
  trial: null,
  open_alerts: 0,
  gravest: null,
  drafts: 0,
  own_alerts: scenario === "offline" ? [unreachable()] : [],
  notices:
    scenario === "notices"
      ? [
          {
            kind: "store_replaced",
            kept_at: "/home/maria/.local/share/mailcup/console/damaged-2026-11-24T08-13-46.db",
          },
          { kind: "service_restored", dropped: 214, at: seed.iso(now - 3_600_000) },
          { kind: "service_restarted", at: seed.iso(now - 60_000) },
        ]
      : [],
  paused_until: null,
  can_lock: false,
  version: "0.1.0",
  data_folder: "/home/maria/.local/share/mailcup",
};

function firstPhase(): t.Phase {
  switch (scenario) {
    case "first-run":
      return { kind: "first_run" };
    case "set-up":
      return { kind: "set_up", needs_token: true };
    case "keyring":
      return {
        kind: "choose_passphrase",
        why: "The desktop's keyring is locked or takes no secrets (the collection is locked and nobody was asked). To keep the local copy, unlock it and start MailCup Console again. With a passphrase the copy begins anew from the service, and you sign in once more.",
      };
    case "sign-in":
      return { kind: "sign_in", challenge: null };
    case "code":
      return { kind: "sign_in", challenge };
    case "locked":
      return { kind: "locked" };
    case "well":
    case "attack":
    case "offline":
    case "signed-out":
    case "empty":
    case "worst":
    case "million":
    case "notices":
    case "auditor":
    case "relay":
    case "slow":
    case "broken":
    case "services":
    case "again":
    case "drafts":
    case "trial":
      return { kind: "ready" };
  }
}

export function service(link: "live"): t.ServiceView {
  const base = {
    id: "here",
    given_name: null,
    signed_in: true,
    open_alerts: 0,
    gravest: null,
    drafts: 0,
    pinned: null,
    name:
      scenario === "worst"
        ? "The Most Honourable and Extraordinarily Long-Named Society of Postmasters"
        : "Example Association",
    url: "http://127.0.0.1:8480",
    embedded: true,
    fresh_at: seed.iso(now),
    link: { kind: link },
  } satisfies t.ServiceView;
  if (scenario === "offline")
    return {
      ...base,
      fresh_at: seed.iso(now - 7_500_000),
      link: {
        kind: "offline",
        since: seed.iso(now - 7_500_000),
        why: "Connection refused at 127.0.0.1:8480",
      },
    };
  if (scenario === "signed-out") return { ...base, link: { kind: "signed_out" } };
  return base;
}

function unreachable(): t.Alert {
  return {
    id: "own1",
    kind: "service_unreachable",
    severity: "attention",
    state: "open",
    title: "The service can't be reached",
    text: "127.0.0.1:8480 has refused connections for 2 hours. Mail servers decide by themselves meanwhile. Check that mailcupd runs.",
    login: null,
    network: null,
    accounts: [],
    accounts_total: 0,
    addresses: [],
    addresses_total: 0,
    count: 1,
    first_at: seed.iso(now - 7_500_000),
    last_at: seed.iso(now - 7_500_000),
    evidence: [],
    history: [
      { at: seed.iso(now - 7_500_000), state: "open", admin: null, login: null, note: null },
    ],
    version: 1,
  };
}
