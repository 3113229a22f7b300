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
  "switchService" | "renameService" | "forgetService" | "allAlerts" | "drawFor"
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
          link: { kind: "signed_out" },
          fresh_at: seed.iso(now - 86_400_000 * 3),
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
    switchService: async (id) => {
      core.push({ service: find(id) });
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
