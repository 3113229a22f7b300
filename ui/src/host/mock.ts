import type * as t from "./host";
import type { Host } from "./host";
import { askingAgain } from "./again.svelte";
import { answeredWith, changedAlert, waits } from "./mock/alerts";
import { deviceCommands } from "./mock/devices";
import { draftCommands, draftCount, draftStage, relayed } from "./mock/drafts";
import { backupCommands } from "./mock/backups";
import { health } from "./mock/health";
import { reviewCommands } from "./mock/review";
import { accountCommands } from "./mock/accounts";
import { adminCommands } from "./mock/admins";
import { activity } from "./mock/activity";
import { appPasswordCommands } from "./mock/appPasswords";
import { logCommands } from "./mock/logs";
import { webSessionCommands } from "./mock/webSessions";
import { factorCommands } from "./mock/secondFactors";
import { LONG_AGO, million } from "./mock/million";
import {
  attacked,
  challenge,
  firstView,
  fresh,
  now,
  parameters,
  PASSPHRASE,
  scenario,
  service,
} from "./mock/scenario";
import { firstTrial, policyCommands } from "./mock/policy";
import * as seed from "./mock/seed";
import { services, withServices } from "./mock/services";

/**
 * A host in memory, for page tests only: never part of the product's bundle. `?scenario=` chooses
 * what it holds, `&live=1` lets events arrive, `&theme=` sets the theme.
 */
const listeners = {
  view: new Set<(view: t.View) => void>(),
  data: new Set<(changed: t.DataChanged) => void>(),
  navigate: new Set<(page: t.Navigate) => void>(),
};

let log: t.Event[] =
  fresh || scenario === "million"
    ? []
    : scenario === "worst"
      ? seed.worstEvents(now)
      : seed.events(4_000, now, 7, attacked);
/** Events that are made when they are asked for. */
const before = scenario === "million" ? LONG_AGO : 0;
let alerts: t.Alert[] = fresh
  ? []
  : scenario === "worst"
    ? seed.worstAlerts(now)
    : attacked
      ? seed.alerts(now, log)
      : seed.oldAlerts(now, log).map((alert) => ({ ...alert, state: "resolved" }));
let blocks: t.Block[] = fresh
  ? []
  : scenario === "worst"
    ? seed.worstBlocks(now)
    : seed.blocks(now);
let factors = seed.factors(now);
let servers: t.MailServer[] = fresh ? [] : seed.mailServers(now);
let passphrase: string | null = scenario === "locked" ? PASSPHRASE : null;
let preferences: t.Preferences = {
  theme: (parameters.get("theme") ?? "system") as t.Theme,
  // As the core keeps it over a reload.
  language: (parameters.get("language") ??
    localStorage.getItem("language") ??
    "system") as t.Language,
  notify_from: "attention",
  quiet_hours: null,
  lock_after_minutes: null,
  start_at_login: false,
};
let triesLeft = challenge.tries_left;

let state: t.View = {
  ...firstView,
  trial: firstTrial,
  can_lock: passphrase !== null,
  drafts: draftCount(),
  events: before + log.length,
};

const gravity: Record<t.Severity, number> = { notice: 0, attention: 1, critical: 2 };

function countAlerts() {
  const open = [...alerts, ...state.own_alerts].filter(waits);
  const gravest = open.toSorted((a, b) => gravity[b.severity] - gravity[a.severity])[0];
  state = { ...state, open_alerts: open.length, gravest: gravest?.severity ?? null };
}
countAlerts();
state = withServices(state);

function push(change: Partial<t.View> = {}) {
  state = { ...state, ...change };
  countAlerts();
  state = withServices(state);
  for (const listen of listeners.view) listen(state);
}

function changed(...parts: (keyof t.DataChanged)[]) {
  const has = (part: keyof t.DataChanged) => parts.includes(part);
  for (const listen of listeners.data)
    listen({
      events: has("events"),
      alerts: has("alerts"),
      blocks: has("blocks"),
      accounts: has("accounts"),
      policy: has("policy"),
      settings: has("settings"),
      drafts: has("drafts"),
      backups: has("backups"),
      other_alerts: has("other_alerts"),
    });
}

function record(body: t.EventBody) {
  const seq = Number(log[0]?.id.split(":")[1] ?? before) + 1;
  log = [{ id: `${seed.EPOCH}:${seq}`, at: seed.iso(Date.now()), body }, ...log];
  state = { ...state, events: before + log.length };
}

function problem(code: t.Code, message: string, details: t.Details | null = null): t.Problem {
  return { code, message, details };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Reading the local copy. */
async function read<T>(answer: () => T): Promise<T> {
  if (scenario === "slow") await new Promise(() => undefined);
  await pause(5);
  if (scenario === "broken")
    throw problem("internal", "The local copy could not be read (disk I/O error).");
  return structuredClone(answer());
}

/** Reading something at the service. */
async function ask<T>(answer: () => T): Promise<T> {
  if (state.service?.link.kind === "offline")
    throw problem("unreachable", "The service can't be reached.");
  if (state.service?.link.kind === "signed_out")
    throw problem("unauthenticated", "Your session ended. Sign in.");
  return read(answer);
}

/** Changing something at the service. */
async function write<T>(answer: () => T): Promise<T> {
  await pause(40);
  if (state.service?.link.kind === "offline")
    throw problem(
      "unreachable",
      "The service can't be reached, so nothing was changed. Try again when it is back.",
    );
  if (state.service?.link.kind === "signed_out")
    throw problem("unauthenticated", "Your session ended. Sign in.");
  if (state.service?.link.kind === "refused_here")
    throw problem("refused_here", "Access rules or blocks don't let you in from here.");
  if (scenario === "auditor")
    throw problem("forbidden", "An auditor can look at everything and change nothing.");
  return structuredClone(answer());
}

function find<T extends { id: string }>(list: T[], id: string): T {
  const found = list.find((item) => item.id === id);
  if (!found) throw problem("not_found", "There is no such thing any more.");
  return found;
}

function enter() {
  push({
    phase: { kind: "ready" },
    admin: seed.admin(now),
    service: { ...service("live"), link: { kind: "live" } },
  });
}

const { mustBeFresh, ...ownDevices } = deviceCommands({ read: ask, write, problem });

export const host: Host = {
  view: async () => state,

  async startEmbedded() {
    await pause(200);
    push({ phase: { kind: "set_up", needs_token: false }, service: service("live") });
    return null;
  },
  async setUp(request) {
    await pause(300);
    if (request.owner.password.length < 10)
      throw problem("invalid", "Choose a password of at least 10 characters.", {
        kind: "fields",
        fields: [
          {
            field: "owner.password",
            message: "Choose a password of at least 10 characters. Several words do well.",
          },
        ],
      });
    if (request.token === "wrong")
      throw problem(
        "setup_token",
        "The setup token is wrong. It stands in the file setup-token of its data folder.",
      );
    push({
      phase: { kind: "ready" },
      admin: { ...seed.admin(now), ...request.owner, role: "owner" },
      service: { ...service("live"), name: request.organization },
    });
    setTimeout(() => {
      servers = seed.mailServers(Date.now());
      changed("settings", "events");
    }, 4_000);
    return { codes: seed.recoveryCodes };
  },
  async choosePassphrase(chosen) {
    await pause(100);
    passphrase = chosen;
    push({ phase: { kind: "first_run" }, can_lock: true });
    return null;
  },

  async signIn({ password }) {
    await pause(150);
    if (password === "wrong") throw problem("sign_in_refused", "Login or password is wrong.");
    triesLeft = challenge.tries_left;
    push({ phase: { kind: "sign_in", challenge } });
    return { kind: "challenge", ...challenge };
  },
  async answerChallenge({ code }) {
    await pause(150);
    if (code === "000000") {
      triesLeft -= 1;
      if (triesLeft <= 0) {
        push({ phase: { kind: "sign_in", challenge: null } });
        throw problem("challenge_over", "Too many wrong codes. Sign in again.");
      }
      throw problem("wrong_code", "The code is wrong.", { kind: "tries_left", tries: triesLeft });
    }
    enter();
    return { kind: "signed_in" };
  },
  async resendCode() {
    await pause(150);
    return { kind: "challenge", ...challenge };
  },
  async signOut() {
    push({ phase: { kind: "sign_in", challenge: null }, admin: null });
    return null;
  },

  async lock() {
    if (passphrase === null) throw problem("conflict", "Set a passphrase first.");
    push({ phase: { kind: "locked" } });
    return null;
  },
  async unlock(given) {
    await pause(150);
    if (given !== passphrase) throw problem("wrong_passphrase", "The passphrase is wrong.");
    enter();
    return null;
  },
  async setPassphrase(change) {
    await pause(100);
    if (passphrase !== null && change.current !== passphrase)
      throw problem("wrong_passphrase", "The current passphrase is wrong.");
    passphrase = change.new ?? null;
    push({ can_lock: passphrase !== null });
    return null;
  },

  ...activity({ log: () => log, read, problem }),
  ...(scenario === "million" ? million({ log: () => log, read, now }) : {}),
  alerts: (states) =>
    read(() =>
      alerts
        .filter((alert) => states.length === 0 || states.includes(alert.state))
        .toSorted((a, b) => Date.parse(b.last_at) - Date.parse(a.last_at)),
    ),
  alert: (id) => read(() => alerts.find((alert) => alert.id === id) ?? null),
  changeAlert: (id, change) =>
    write(() => {
      const after = changedAlert(find(alerts, id), change, state.admin?.login ?? null);
      alerts = alerts.map((alert) => (alert.id === id ? after : alert));
      record({ type: "alert", ...after });
      push();
      changed("alerts", "events");
      return after;
    }),
  blocks: () => read(() => blocks.filter((block) => block.lifted_at === null)),
  createBlock: (wanted) =>
    write(() => {
      if (
        wanted.target.kind === "address" &&
        wanted.target.address === "203.0.113.24" &&
        !wanted.confirm_self
      )
        throw problem(
          "conflict",
          "You are signed in from 203.0.113.24: this block would refuse you, too.",
        );
      const block: t.Block = {
        id: `b${blocks.length + 1}-${Date.now()}`,
        target: wanted.target,
        note: wanted.note ?? "",
        created_at: seed.iso(Date.now()),
        created_by: "adm1",
        created_by_login: "admin@example.org",
        expires_at: wanted.expires_at ?? null,
        lifted_at: null,
        lifted_by_login: null,
        version: 1,
      };
      blocks = [block, ...blocks];
      alerts = alerts.map((alert) =>
        alert.id === wanted.alert ? answeredWith(alert, block, block.created_by_login) : alert,
      );
      record({ type: "block", ...block });
      push();
      changed("blocks", "events", ...(wanted.alert ? (["alerts"] as const) : []));
      return block;
    }),
  liftBlock: (id) =>
    write(() => {
      const lifted: t.Block = {
        ...find(blocks, id),
        lifted_at: seed.iso(Date.now()),
        lifted_by_login: "admin@example.org",
      };
      blocks = blocks.map((block) => (block.id === id ? lifted : block));
      record({ type: "block", ...lifted });
      push();
      changed("blocks", "events");
      return lifted;
    }),
  accounts: (text) =>
    read(() => seed.accounts(now).filter((account) => account.login.includes(text.toLowerCase()))),

  ...adminCommands({ read, write, problem, changed, push }),
  ...appPasswordCommands({ read, write, problem }),
  ...webSessionCommands({ read, write }),
  ...logCommands({ read, write }),
  ...accountCommands({
    read,
    write,
    changed,
    blocks: () => blocks,
    alerts: () => alerts,
  }),

  ...policyCommands({
    view: () => state,
    log: () => log,
    blocks: () => blocks,
    read,
    write,
    problem,
    changed,
    push,
    record,
  }),

  preferences: async () => preferences,
  async setPreferences(wanted) {
    preferences = wanted;
    changed("settings");
    return preferences;
  },
  async pauseNotifications(wanted) {
    const until =
      wanted.kind === "resume"
        ? null
        : Date.now() + (wanted.kind === "for_minutes" ? wanted.minutes : 14 * 60) * 60_000;
    push({ paused_until: until === null ? null : seed.iso(until) });
    return null;
  },
  async dismissNotice(notice) {
    const key = JSON.stringify(notice);
    push({ notices: state.notices.filter((other) => JSON.stringify(other) !== key) });
    return null;
  },

  sendTestMail: (to) =>
    write(() =>
      to.includes("refused")
        ? { accepted: false, answer: "550 5.1.1 <refused@example.org>: Recipient address rejected" }
        : { accepted: true, answer: "250 2.0.0 Ok: queued as 4bXk2y0Rz1z3q" },
    ),
  ...ownDevices,
  factors: () => read(() => factors),
  enrolAuthenticator: () =>
    write(() => ({
      id: "f3",
      secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
      uri: "otpauth://totp/MailCup:admin@example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=MailCup",
      qr_svg: seed.qrSvg(),
    })),
  confirmAuthenticator: ({ id, code }) =>
    write(() => {
      if (code === "000000")
        throw problem("wrong_code", "The code is wrong. Check your phone's clock.");
      factors = [
        ...factors,
        {
          id,
          kind: "authenticator",
          name: "Authenticator app",
          created_at: seed.iso(Date.now()),
          last_used_at: null,
          left: null,
        },
      ];
      changed("settings");
      return null;
    }),
  removeFactor: (id) =>
    write(() => {
      factors = factors.filter((factor) => factor.id !== id);
      changed("settings");
      return null;
    }),
  ...askingAgain(factorCommands({ ask, write, problem, changed, mustBeFresh })),
  ...reviewCommands({ read, write, problem }),
  ...askingAgain(backupCommands({ read, write, problem, changed, mustBeFresh })),
  ...askingAgain({
    renewRecoveryCodes: () =>
      write(() => {
        mustBeFresh();
        return { codes: seed.recoveryCodes.toReversed() };
      }),
  }),
  changePassword: ({ current, new: wanted }) =>
    write(() => {
      if (current === "wrong") throw problem("sign_in_refused", "The current password is wrong.");
      if (wanted.length < 10)
        throw problem("invalid", "Choose a password of at least 10 characters.", {
          kind: "fields",
          fields: [{ field: "new", message: "Choose a password of at least 10 characters." }],
        });
      return null;
    }),

  mailServerSnippet: ({ server }) =>
    write(() => ({
      server,
      path: "a root shell on the mail server",
      text: server === "dovecot" ? seed.dovecotSnippet : seed.postfixSnippet,
      reload: server === "dovecot" ? "doveadm reload" : "postfix reload",
      key: server === "dovecot" ? "key1" : null,
    })),
  mailServers: () => read(() => servers),
  serviceHealth: () => ask(() => health(servers, scenario === "worst", relayed())),
  ...draftCommands({ view: () => state, push, changed, problem }),
  ...services({
    view: () => state,
    push,
    changed,
    problem,
    alerts: (states) => host.alerts(states),
  }),

  onView: (listen) => listenTo(listeners.view, listen),
  onDataChanged: (listen) => listenTo(listeners.data, listen),
  onNavigate: (listen) => listenTo(listeners.navigate, listen),
  at: () => host,
};

function listenTo<T>(set: Set<T>, listen: T): () => void {
  set.add(listen);
  return () => {
    set.delete(listen);
  };
}

if (parameters.get("live")) {
  const fresh = seed.events(500, now, 11, true);
  setInterval(() => {
    const event = fresh.pop();
    if (!event) return;
    record(event.body);
    push();
    changed("events");
  }, 400);
}

// What page tests do in the core's place.
Object.assign(window, {
  core: {
    navigate: (to: string, service: string | null = null) => {
      for (const listen of listeners.navigate) listen({ to, service });
    },
    happens: (body: t.EventBody, times: number) => {
      for (let time = 0; time < times; time += 1) record(body);
      push();
      changed("events");
    },
    ...draftStage({ view: () => state, push, changed, problem }),
  },
});
