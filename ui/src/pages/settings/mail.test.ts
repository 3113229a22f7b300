import { expect, it } from "vitest";
import type { MailSettings } from "$host/host";
import { changeOf, formOf } from "./mail";

const relay: MailSettings = {
  from: "mailcup@example.org",
  transport: {
    kind: "relay",
    host: "smtp.example.org",
    port: 465,
    security: "tls",
    username: "mailcup",
    has_password: true,
  },
  version: 3,
};

it("keeps the stored password when none is typed", () => {
  expect(changeOf(formOf(relay)).relay).toEqual({
    host: "smtp.example.org",
    port: 465,
    security: "tls",
    username: "mailcup",
    password: null,
  });
});

it("sends no relay for the local folder", () => {
  expect(changeOf({ ...formOf(relay), way: "local" })).toEqual({
    from: "mailcup@example.org",
    relay: null,
  });
});

it("shows a draft as it was typed", () => {
  const form = { ...formOf(relay), host: "mx.example.org", port: "25" };
  expect(formOf(changeOf(form))).toEqual(form);
  const local = { ...form, way: "local" as const };
  expect(formOf(changeOf(local))).toMatchObject({ way: "local", from: relay.from });
});
