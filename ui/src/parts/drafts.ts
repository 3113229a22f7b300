import type {
  Draft,
  Field,
  FieldComparison,
  FieldValue,
  Mark as Changed,
  Meanwhile,
  Opened,
  PartComparison,
  Resource,
} from "$host/host";
import { address } from "$lib/router.svelte";
import type { Mark } from "$lib/words/mark";
import { m } from "$messages";

/** The address of a draft beside what changed meanwhile. */
export function draftAddress(resource: Resource): string {
  const login = resource.kind === "account" ? [resource.login] : [];
  return address(["settings", "drafts", resource.kind, ...login]);
}

/** The draft that such an address names. */
export function draftOf([kind, login]: readonly string[]): Resource | undefined {
  if (kind === "alert_settings" || kind === "mail_settings") return { kind };
  return kind === "account" && login ? { kind, login } : undefined;
}

/** Where the resource itself is edited. */
export function formAddress(resource: Resource): string {
  switch (resource.kind) {
    case "alert_settings":
      return address(["settings", "notifications"]);
    case "mail_settings":
      return address(["settings", "mail"]);
    case "account":
      return address(["accounts", resource.login]);
  }
}

export function resourceName(resource: Resource): string {
  switch (resource.kind) {
    case "alert_settings":
      return m.drafts_resource_alert_settings();
    case "mail_settings":
      return m.drafts_resource_mail_settings();
    case "account":
      return m.drafts_resource_account({ login: resource.login });
  }
}

export function meanwhileMark(meanwhile: Meanwhile): Mark {
  switch (meanwhile) {
    case "nothing":
      return { word: m.drafts_mark_nothing(), icon: "edit", tone: "notice" };
    case "changed":
      return { word: m.drafts_mark_changed(), icon: "edit", tone: "notice" };
    case "conflict":
      return { word: m.drafts_mark_conflict(), icon: "alert", tone: "warning" };
    case "in_effect":
      return { word: m.drafts_mark_in_effect(), icon: "check", tone: "good" };
  }
}

export function changedMark(changed: Changed): Mark {
  switch (changed) {
    case "only_yours":
      return { word: m.drafts_changed_only_yours(), icon: "edit", tone: "notice" };
    case "only_theirs":
      return { word: m.drafts_changed_only_theirs(), icon: "user", tone: "neutral" };
    case "both":
      return { word: m.drafts_changed_both(), icon: "alert", tone: "warning" };
    case "same":
      return { word: m.drafts_changed_same(), icon: "check", tone: "good" };
  }
}

export function fieldName(field: Field): string {
  switch (field) {
    case "account_failures":
      return m.settings_rules_failures();
    case "network_accounts":
      return m.settings_rules_accounts();
    case "window_minutes":
      return m.settings_rules_minutes();
    case "from":
      return m.settings_mail_from();
    case "way":
      return m.settings_mail_way();
    case "host":
      return m.settings_mail_host();
    case "port":
      return m.settings_mail_port();
    case "security":
      return m.settings_mail_security();
    case "username":
      return m.settings_mail_username();
    case "password":
      return m.common_password();
    case "note":
      return m.accounts_note_title();
  }
}

/** A value in words; what is not there is empty. */
export function valueWords(value: FieldValue | null): string {
  switch (value?.kind) {
    case undefined:
      return "";
    case "number":
      return String(value.number);
    case "text":
      return value.text;
    case "way":
      return value.way === "relay" ? m.settings_mail_relay() : m.settings_mail_folder();
    case "security":
      return value.security === "none"
        ? m.settings_mail_security_none()
        : value.security === "tls"
          ? "TLS"
          : "STARTTLS";
    case "password":
      return passwordWords(value.password);
  }
}

function passwordWords(password: Extract<FieldValue, { kind: "password" }>["password"]): string {
  switch (password) {
    case "none":
      return m.drafts_password_none();
    case "stored":
      return m.drafts_password_stored();
    case "new":
      return m.drafts_password_new();
    case "lost":
      return m.drafts_password_lost();
  }
}

/** The rows of a part: what differs anywhere. */
export function differing({ fields }: PartComparison): readonly FieldComparison[] {
  return fields.filter(({ began, yours, theirs }) => {
    const [first, ...others] = [began, yours, theirs].map((value) => JSON.stringify(value));
    return others.some((other) => other !== first);
  });
}

/** What a form says below a field that a draft changed: what is in effect instead. */
export function fieldHint(opened: Opened | undefined, field: Field): string | undefined {
  const found = fieldIn(opened?.draft, field);
  if (!found || JSON.stringify(found.yours) === JSON.stringify(found.theirs)) return undefined;
  if (!found.theirs) return m.drafts_column_draft();
  const value = valueWords(found.theirs) || m.components_differences_empty();
  return m.drafts_field({ value });
}

function fieldIn(draft: Draft | null | undefined, wanted: Field): FieldComparison | undefined {
  return draft?.parts.flatMap(({ fields }) => fields).find(({ field }) => field === wanted);
}
