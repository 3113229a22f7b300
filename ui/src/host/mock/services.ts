import type * as t from "../host";
import { now, scenario, service } from "./scenario";
import * as seed from "./seed";

interface Core {
  view: () => t.View;
  push: (change: Partial<t.View>) => void;
  changed: (...parts: (keyof t.DataChanged)[]) => void;
  alerts: (states: t.AlertState[]) => Promise<t.Alert[]>;
  problem: (code: t.Code, message: string) => t.Problem;
}

type Commands = Pick<
  t.Host,
  | "connect"
  | "trustCertificate"
  | "switchService"
  | "renameService"
  | "forgetService"
  | "allAlerts"
  | "drawFor"
>;

const choirAlerts: t.Alert[] = seed
  .alerts(now, seed.events(400, now, 3, true))
  .slice(0, 2)
  .map((alert, index) => ({
    ...alert,
    id: `choir${index + 1}`,
    title: alert.title.replaceAll("example.org", "choir.example.net"),
    text: alert.text.replaceAll("example.org", "choir.example.net"),
    login: alert.login?.replace("example.org", "choir.example.net") ?? null,
    last_at: seed.iso(now - 3_600_000 * (index + 1)),
  }));

function certificate(subject: string, sha256: string, faults: t.CertificateFault[]): t.Certificate {
  return {
    subject,
    issuer: subject,
    names: ["parish.example.com", "192.0.2.25"],
    not_before: seed.iso(now - 86_400_000 * 400),
    not_after: seed.iso(now + 86_400_000 * 330),
    self_signed: true,
    sha256,
    faults,
  };
}

const trusted = certificate(
  "CN=parish.example.com, O=Parish office",
  "3F:9A:0C:77:52:D1:8E:44:B0:6D:21:95:EE:13:A8:5F:C6:70:39:1B:84:F2:0D:67:9C:E5:48:B3:2A:11:7D:06",
  [{ kind: "unknown_issuer" }],
);
const changed = certificate(
  "CN=parish.example.com",
  "A4:18:D7:60:2E:9B:F3:05:C8:71:5A:E6:94:2D:B7:0F:38:CC:61:F9:16:80:AB:53:D2:4E:97:1C:05:BE:E3:72",
  [{ kind: "unknown_issuer" }, { kind: "other_name" }],
);

/** The services of a console that has several. */
const others: t.ServiceView[] =
  scenario === "services"
    ? [
        {
          ...service("live"),
          id: "choir",
          name: "Choir of St. Mary",
          url: "https://mail.choir.example.net:8480/",
          embedded: false,
          fresh_at: seed.iso(now - 5_400_000),
          link: {
            kind: "offline",
            since: seed.iso(now - 5_400_000),
            why: "The service can't be reached: Connection refused (os error 111).",
          },
          open_alerts: 2,
          gravest: "critical",
        },
        {
          ...service("live"),
          id: "parish",
          name: "Parish office",
          given_name: "Parish office",
          url: "https://192.0.2.25:8480/",
          embedded: false,
          link: { kind: "certificate_changed", pinned: trusted, found: changed },
          pinned: trusted,
          fresh_at: seed.iso(now - 86_400_000 * 3),
        },
        {
          ...service("live"),
          id: "club",
          name: "club.example.com",
          url: "https://club.example.com/",
          embedded: false,
          link: { kind: "connecting" },
          signed_in: false,
          fresh_at: null,
        },
      ]
    : [];

let known: t.ServiceView[] = others;

/** All services, with the one that is shown as the view says it. */
export function withServices(view: t.View): t.View {
  const shown = view.service && {
    ...view.service,
    open_alerts: view.open_alerts,
    gravest: view.gravest,
    drafts: view.drafts,
  };
  if (!shown) return { ...view, services: known };
  known = known.some(({ id }) => id === shown.id)
    ? known.map((one) => (one.id === shown.id ? shown : one))
    : [shown, ...known];
  return { ...view, service: shown, services: known };
}

/** The commands that are about all services. */
export function services(core: Core): Commands {
  const find = (id: string) => {
    const found = known.find((one) => one.id === id);
    if (!found)
      throw core.problem("not_found", "This console is no longer connected to that service.");
    return found;
  };
  return {
    drawFor: () => undefined,
    connect: async ({ url, trust }) => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      if (url.includes("nowhere"))
        throw core.problem(
          "unreachable",
          `${url} does not answer. Check the address, and that mailcupd runs there.`,
        );
      if (url.includes("self-signed") && trust !== trusted.sha256)
        return { kind: "untrusted", certificate: trusted };
      core.push({
        phase: { kind: "sign_in", challenge: null },
        admin: null,
        service: {
          ...service("live"),
          id: `s${known.length}`,
          name: new URL(url).hostname,
          url,
          embedded: false,
          signed_in: false,
          pinned: url.includes("self-signed") ? trusted : null,
        },
      });
      return { kind: "connected" };
    },
    trustCertificate: async (id, sha256) => {
      const one = find(id);
      if (one.link.kind !== "certificate_changed" || one.link.found.sha256 !== sha256)
        throw core.problem("conflict", "Meanwhile the service shows yet another certificate.");
      const trusting: t.ServiceView = { ...one, pinned: one.link.found, link: { kind: "live" } };
      known = known.map((other) => (other.id === id ? trusting : other));
      core.push({});
      return null;
    },
    switchService: async (id) => {
      const to = find(id);
      core.push({
        service: to,
        phase: to.signed_in ? { kind: "ready" } : { kind: "sign_in", challenge: null },
        admin: to.signed_in ? seed.admin(now) : null,
      });
      core.changed("events", "alerts", "blocks", "accounts", "settings");
      return null;
    },
    renameService: async (id, name) => {
      const named = { ...find(id), given_name: name || null };
      named.name = name || "Example Association";
      known = known.map((one) => (one.id === id ? named : one));
      core.push(core.view().service?.id === id ? { service: named } : {});
      return null;
    },
    forgetService: async (id) => {
      known = known.filter((one) => one.id !== id);
      const view = core.view();
      if (view.service?.id !== id) core.push({});
      else if (known[0]) core.push({ service: known[0] });
      else core.push({ phase: { kind: "first_run" }, admin: null, service: null });
      return null;
    },
    allAlerts: async (states) => {
      const here = known.find(({ id }) => id === "here");
      const own = here
        ? (await core.alerts(states)).map((alert) => ({
            service: here.id,
            service_name: here.name,
            alert,
          }))
        : [];
      const choir = known.some(({ id }) => id === "choir")
        ? choirAlerts
            .filter((alert) => states.length === 0 || states.includes(alert.state))
            .map((alert) => ({ service: "choir", service_name: "Choir of St. Mary", alert }))
        : [];
      return [...own, ...choir].toSorted(
        (a, b) => Date.parse(b.alert.last_at) - Date.parse(a.alert.last_at),
      );
    },
  };
}
