import type * as t from "../host";

/** As much of the core's comparing as page tests need. */
type Fields = Map<t.Field, t.FieldValue>;
type Kept = Pick<t.Draft, "began" | "edit">;

const partsOf: Record<t.Content["kind"], Partial<Record<t.Part, t.Field[]>>> = {
  alert_settings: {
    account_failures: ["account_failures"],
    network_accounts: ["network_accounts"],
    window_minutes: ["window_minutes"],
  },
  mail_settings: {
    from: ["from"],
    transport: ["way", "host", "port", "security", "username", "password"],
  },
  account: { note: ["note"] },
};

const number = (value: number): t.FieldValue => ({ kind: "number", number: value });
const text = (value: string): t.FieldValue => ({ kind: "text", text: value });

function mailFields(from: string, relay: t.RelayChange | null, password: t.PasswordState): Fields {
  const fields: Fields = new Map([
    ["from", text(from)],
    ["way", { kind: "way", way: relay ? "relay" : "local" }],
  ]);
  if (!relay) return fields;
  fields.set("host", text(relay.host)).set("port", number(relay.port));
  fields.set("security", { kind: "security", security: relay.security });
  fields.set("username", text(relay.username ?? ""));
  return fields.set("password", { kind: "password", password });
}

export function fieldsOfContent(content: t.Content): Fields {
  switch (content.kind) {
    case "alert_settings":
      return fieldsOfEdit(content, content);
    case "account":
      return new Map([["note", text(content.note)]]);
    case "mail_settings": {
      const relay = content.transport.kind === "relay" ? content.transport : null;
      return mailFields(content.from, relay, relay?.has_password ? "stored" : "none");
    }
  }
}

export function fieldsOfEdit(edit: t.Edit | t.AlertSettings, began: t.Content): Fields {
  if (!("kind" in edit) || edit.kind === "alert_settings")
    return new Map([
      ["account_failures", number(edit.account_failures)],
      ["network_accounts", number(edit.network_accounts)],
      ["window_minutes", number(edit.window_minutes)],
    ]);
  if (edit.kind === "account") return new Map([["note", text(edit.note)]]);
  const stored =
    began.kind === "mail_settings" &&
    began.transport.kind === "relay" &&
    began.transport.has_password &&
    began.transport.host === edit.relay?.host;
  const password = edit.relay?.password ? "new" : stored ? "stored" : "none";
  return mailFields(edit.from, edit.relay, password);
}

export function compared(kept: Kept, theirs: t.Content): t.PartComparison[] {
  const all = [
    fieldsOfContent(kept.began),
    fieldsOfEdit(kept.edit, kept.began),
    fieldsOfContent(theirs),
  ];
  const values = (field: t.Field) => all.map((fields) => fields.get(field) ?? null);
  return (Object.entries(partsOf[theirs.kind]) as [t.Part, t.Field[]][]).map(([part, fields]) => ({
    part,
    mark: mark(
      all.map((versions) => JSON.stringify(fields.map((field) => versions.get(field) ?? null))),
    ),
    fields: fields
      .filter((field) => values(field).some((value) => value !== null))
      .map((field) => {
        const [began = null, yours = null, now = null] = values(field);
        const marked = mark(values(field).map((value) => JSON.stringify(value)));
        return { field, mark: marked, began, yours, theirs: now };
      }),
  }));
}

function mark([began, yours, theirs]: string[]): t.Mark {
  if (yours === theirs) return "same";
  if (yours === began) return "only_theirs";
  return theirs === began ? "only_yours" : "both";
}

export function meanwhile(parts: readonly t.PartComparison[]): t.Meanwhile {
  if (parts.some((part) => part.mark === "both")) return "conflict";
  if (!parts.some((part) => part.mark === "only_yours")) return "in_effect";
  return parts.some((part) => part.mark === "only_theirs") ? "changed" : "nothing";
}

export function merged(kept: Kept, theirs: t.Content, choices: readonly t.Choice[]): t.Edit {
  const marks = new Map(compared(kept, theirs).map((part) => [part.part, part.mark]));
  const mine = (part: t.Part) => {
    const chosen = choices.find((choice) => choice.part === part)?.side;
    return chosen ? chosen === "yours" : marks.get(part) === "only_yours";
  };
  const { edit } = kept;
  if (edit.kind === "alert_settings" && theirs.kind === "alert_settings")
    return {
      kind: "alert_settings",
      account_failures: (mine("account_failures") ? edit : theirs).account_failures,
      network_accounts: (mine("network_accounts") ? edit : theirs).network_accounts,
      window_minutes: (mine("window_minutes") ? edit : theirs).window_minutes,
    };
  if (edit.kind === "account" && theirs.kind === "account")
    return { ...edit, note: (mine("note") ? edit : theirs).note };
  if (edit.kind === "mail_settings" && theirs.kind === "mail_settings") {
    const relay = theirs.transport.kind === "relay" ? theirs.transport : null;
    return {
      kind: "mail_settings",
      from: (mine("from") ? edit : theirs).from,
      relay: mine("transport") ? edit.relay : relay && { ...relay, password: null },
    };
  }
  return edit;
}
