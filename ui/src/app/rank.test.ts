import { expect, it } from "vitest";
import { ranked } from "./rank";

const entry = (label: string, group: string, also?: string) => ({
  id: label,
  label,
  group,
  ...(also ? { also } : {}),
});
const entries = [
  entry("Alerts", "Go to"),
  entry("Mail servers", "Settings", "Dovecot Postfix"),
  entry("Mail", "Settings"),
  entry("Notifications", "Settings"),
  entry("Pause notifications for 1 hour", "Do"),
  entry("Überblick", "Gehe zu"),
  entry("Налаштування", "Перейти"),
];
const found = (typed: string, recent?: string[]) =>
  ranked(entries, typed, recent).map(({ label }) => label);

it("finds by the beginnings of words, in any order", () => {
  expect(found("ser ma")).toEqual(["Mail servers"]);
  expect(found("mail")).toEqual(["Mail", "Mail servers"]);
});

it("finds by what stands aside, after what bears the word", () => {
  expect(found("postfix")).toEqual(["Mail servers"]);
  expect(found("settings")).toEqual(["Mail", "Mail servers", "Notifications"]);
});

it("finds letters in their order, last of all, but not a letter or two within a word", () => {
  expect(found("ntfc")).toEqual(["Notifications", "Pause notifications for 1 hour"]);
  expect(found("fication")).toEqual(["Notifications", "Pause notifications for 1 hour"]);
  expect(found("fi")).toEqual([]);
  expect(found("xyz")).toEqual([]);
});

it("needs every word", () => {
  expect(found("mail alerts")).toEqual([]);
});

it("takes what was used lately first among equals, never before what fits better", () => {
  expect(found("notif")).toEqual(["Notifications", "Pause notifications for 1 hour"]);
  expect(found("notif", ["Pause notifications for 1 hour"])[0]).toBe(
    "Pause notifications for 1 hour",
  );
  expect(found("mail", ["Mail servers"])).toEqual(["Mail servers", "Mail"]);
  expect(found("mail servers", ["Mail"])).toEqual(["Mail servers"]);
});

it("knows no accents and every script", () => {
  expect(found("uberbl")).toEqual(["Überblick"]);
  expect(found("налашт")).toEqual(["Налаштування"]);
});

it("shows everything in its order where nothing is typed", () => {
  expect(found("  ")).toEqual(entries.map(({ label }) => label));
});
