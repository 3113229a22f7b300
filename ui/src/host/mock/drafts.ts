import type * as t from "../host";
import { changeMockedAccount, mockedAccount } from "./accounts";
import { compared, fieldsOfContent, fieldsOfEdit, meanwhile, merged } from "./merge";
import { firstMail, now, scenario } from "./scenario";
import * as seed from "./seed";

interface Needs {
  view: () => t.View;
  push: (change?: Partial<t.View>) => void;
  changed: (...parts: (keyof t.DataChanged)[]) => void;
  problem: (code: t.Code, message: string, details?: t.Details | null) => t.Problem;
}

type Commands = Pick<
  t.Host,
  | "openResource"
  | "saveEdit"
  | "drafts"
  | "compareDraft"
  | "applyDraft"
  | "discardDraft"
  | "restoreDraft"
>;

type Kept = Omit<t.Draft, "resource" | "own" | "meanwhile" | "has_password" | "parts">;

let alerts: t.AlertSettings = {
  account_failures: 5,
  network_accounts: 5,
  window_minutes: 10,
  version: 1,
};
let mail: t.MailSettings = firstMail;
const drafts = new Map<string, Kept>();
let discarded: Kept | undefined;

const key = (resource: t.Resource) => JSON.stringify(resource);
const readAt = () => seed.iso(scenario === "offline" ? now - 7_500_000 : Date.now());

export function relayed(): boolean {
  return mail.transport.kind === "relay";
}

/** How many drafts a page finds when it opens. */
export function draftCount(): number {
  return drafts.size;
}

function contentOf(resource: t.Resource): t.Content | undefined {
  switch (resource.kind) {
    case "alert_settings":
      return { kind: "alert_settings", ...alerts };
    case "mail_settings":
      return { kind: "mail_settings", ...mail };
    case "account": {
      const account = mockedAccount(resource.login);
      return account && { kind: "account", ...account };
    }
  }
}

/** Changes a resource, as another admin does too. */
function put(edit: t.Edit): t.Content {
  switch (edit.kind) {
    case "alert_settings":
      alerts = {
        account_failures: edit.account_failures,
        network_accounts: edit.network_accounts,
        window_minutes: edit.window_minutes,
        version: alerts.version + 1,
      };
      return { kind: "alert_settings", ...alerts };
    case "mail_settings": {
      const had = mail.transport.kind === "relay" && mail.transport.has_password;
      mail = {
        from: edit.from,
        transport: edit.relay
          ? {
              kind: "relay",
              host: edit.relay.host,
              port: edit.relay.port,
              security: edit.relay.security,
              username: edit.relay.username ?? null,
              has_password: had || Boolean(edit.relay.password),
            }
          : { kind: "local", folder: "/home/maria/.local/share/mailcup/service/outbox" },
        version: mail.version + 1,
      };
      return { kind: "mail_settings", ...mail };
    }
    case "account": {
      const before = mockedAccount(edit.login);
      if (!before) throw new Error("there is no such account");
      return { kind: "account", ...changeMockedAccount(before, edit.note) };
    }
  }
}

function resourceOf(content: t.Content): t.Resource {
  return content.kind === "account"
    ? { kind: "account", login: content.login }
    : { kind: content.kind };
}

export function draftCommands({ view, push, changed, problem }: Needs): Commands {
  const away = (): string | null => {
    const link = view().service?.link.kind;
    if (link === "offline") return "The service can't be reached: Connection refused.";
    return link === "signed_out" ? "Sign in first." : null;
  };
  const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
  const gone = () => problem("not_found", "There is no such draft any more.");
  const find = (resource: t.Resource) => {
    const kept = drafts.get(key(resource));
    const theirs = contentOf(resource);
    if (!kept || !theirs) throw gone();
    return { kept, theirs };
  };

  function told() {
    push({ drafts: drafts.size });
    changed("drafts");
  }

  function keep(began: t.Content, edit: t.Edit) {
    const me = view().admin;
    const kept = { began, edit, edited_at: seed.iso(Date.now()), admin: "", login: "" };
    drafts.set(key(resourceOf(began)), {
      ...kept,
      admin: me?.id ?? "adm1",
      login: me?.login ?? "admin@example.org",
    });
    told();
  }

  function shown(kept: Kept, theirs: t.Content): t.Draft {
    const { edit } = kept;
    const has = edit.kind === "mail_settings" && Boolean(edit.relay?.password);
    return {
      ...kept,
      edit:
        edit.kind === "mail_settings" && edit.relay
          ? { ...edit, relay: { ...edit.relay, password: null } }
          : edit,
      resource: resourceOf(kept.began),
      has_password: has,
      own: kept.admin === view().admin?.id,
      meanwhile: meanwhile(compared(kept, theirs)),
      parts: compared(kept, theirs),
    };
  }

  function comparison(resource: t.Resource): t.Comparison {
    const { kept, theirs } = find(resource);
    return {
      draft: shown(kept, theirs),
      theirs,
      read_at: readAt(),
      away: away(),
    };
  }

  const settle = (resource: t.Resource) => {
    drafts.delete(key(resource));
    told();
    changed("settings", ...(resource.kind === "account" ? (["accounts"] as const) : []));
  };

  return {
    openResource: async (resource) => {
      if (scenario === "slow") await new Promise(() => undefined);
      await pause();
      if (scenario === "broken")
        throw problem("internal", "The local copy could not be read (disk I/O error).");
      const content = contentOf(resource);
      if (!content) throw problem("not_found", "There is no such account.");
      const kept = drafts.get(key(resource));
      return structuredClone({
        content,
        read_at: readAt(),
        away: away(),
        draft: kept ? shown(kept, content) : null,
      });
    },
    saveEdit: async (edit, began) => {
      await pause();
      if (scenario === "auditor")
        throw problem("forbidden", "An auditor can look at everything and change nothing.");
      const resource = resourceOf(began);
      const why = away();
      if (why !== null) {
        if (same(fieldsOfEdit(edit, began), fieldsOfContent(began))) {
          drafts.delete(key(resource));
          told();
          return { kind: "nothing" };
        }
        keep(began, edit);
        return { kind: "kept", why };
      }
      // Somebody else is quicker now and then.
      if (edit.kind === "account" && edit.note.includes("conflict") && began.version === 1)
        put({ ...edit, note: "Left the association in May." });
      if (edit.kind === "mail_settings" && edit.relay?.host.includes("nowhere"))
        throw problem("invalid", "The relay's name does not resolve.", {
          kind: "fields",
          fields: [{ field: "relay.host", message: "This name does not resolve." }],
        });
      if (contentOf(resource)?.version !== began.version) {
        keep(began, edit);
        return { kind: "conflict" };
      }
      const content = put(edit);
      settle(resource);
      return { kind: "done", content };
    },
    drafts: async () => {
      await pause();
      return [...drafts.values()]
        .map((kept) => shown(kept, contentOf(resourceOf(kept.began)) ?? kept.began))
        .toSorted((a, b) => Date.parse(b.edited_at) - Date.parse(a.edited_at));
    },
    compareDraft: async (resource) => {
      await pause();
      return structuredClone(comparison(resource));
    },
    applyDraft: async ({ resource, version, choices, of_other }) => {
      await pause();
      if (away() !== null) throw problem("unreachable", "The service can't be reached.");
      const { kept, theirs } = find(resource);
      if (!of_other && kept.admin !== view().admin?.id)
        throw problem("conflict", "This draft is somebody else's.");
      if (theirs.version !== version)
        return { kind: "changed", comparison: structuredClone(comparison(resource)) };
      const content = put(merged(kept, theirs, choices));
      settle(resource);
      return { kind: "done", content };
    },
    discardDraft: async (resource) => {
      await pause();
      discarded = find(resource).kept;
      drafts.delete(key(resource));
      told();
      return null;
    },
    restoreDraft: async (resource) => {
      await pause();
      if (!discarded || key(resourceOf(discarded.began)) !== key(resource)) throw gone();
      drafts.set(key(resource), discarded);
      discarded = undefined;
      told();
      return null;
    },
  };
}

/** What page tests do in the place of another admin and the network. */
export function draftStage({ view, push, changed }: Needs) {
  return {
    edit: (edit: t.Edit) => {
      put(edit);
      changed("drafts", "settings", "accounts");
    },
    link: (kind: "live" | "offline") => {
      const { service } = view();
      if (!service) return;
      const link: t.Link =
        kind === "live"
          ? { kind }
          : { kind, since: seed.iso(Date.now()), why: "Connection refused at 127.0.0.1:8480" };
      push({ service: { ...service, link } });
      changed("drafts", "settings");
    },
  };
}

function same(left: ReturnType<typeof fieldsOfEdit>, right: ReturnType<typeof fieldsOfContent>) {
  return JSON.stringify([...left].toSorted()) === JSON.stringify([...right].toSorted());
}

/** A console with drafts of each kind, one of them another admin's. */
function begin() {
  const by = (admin: string, login: string, ago: number) => ({
    admin,
    login,
    edited_at: seed.iso(now - ago),
  });
  const mine = by("adm1", "admin@example.org", 5_400_000);
  drafts.set(key({ kind: "alert_settings" }), {
    began: { kind: "alert_settings", ...alerts },
    edit: { kind: "alert_settings", account_failures: 8, network_accounts: 20, window_minutes: 10 },
    ...mine,
  });
  put({ kind: "alert_settings", account_failures: 5, network_accounts: 3, window_minutes: 30 });
  drafts.set(key({ kind: "mail_settings" }), {
    began: { kind: "mail_settings", ...mail },
    edit: {
      kind: "mail_settings",
      from: "postmaster@example.org",
      relay: {
        host: "relay-with-an-extraordinarily-long-name.mail.infrastructure.example.org",
        port: 465,
        security: "tls",
        username: "mailcup-of-the-most-honourable-society-of-postmasters@example.org",
        password: "typed",
      },
    },
    ...by("adm2", "bert.with.a.long.login@example.org", 93_600_000),
  });
  const login = seed.accounts(now)[0]?.login ?? "anna@example.org";
  const account = mockedAccount(login);
  if (!account) return;
  drafts.set(key({ kind: "account", login }), {
    began: { kind: "account", ...account },
    edit: {
      kind: "account",
      login,
      note: "Treasurer since June. Ask her before her account is closed.",
    },
    ...mine,
  });
}

if (scenario === "drafts") begin();
