import { m } from "$messages";
import type { EventKind, MailServerKind, Protocol, Role } from "$host/host";
import { named } from "./mark";

export const protocolName = named<Protocol>({
  web: m.words_protocol_web,
  api: () => "API",
  imap: () => "IMAP",
  pop3: () => "POP3",
  submission: m.words_protocol_submission,
  sieve: () => "Sieve",
});

export const kindName = named<EventKind>({
  sign_in: m.words_kind_sign_in,
  submission: m.words_kind_submission,
  alert: m.words_kind_alert,
  block: m.words_kind_block,
  account: m.words_kind_account,
  policy: m.words_kind_policy,
  admin: m.words_kind_admin,
  system: m.words_kind_system,
});

export const roleName = named<Role>({
  owner: m.words_role_owner,
  admin: m.words_role_admin,
  auditor: m.words_role_auditor,
});

export const serverName: Record<MailServerKind, string> = {
  dovecot: "Dovecot",
  postfix: "Postfix",
};
