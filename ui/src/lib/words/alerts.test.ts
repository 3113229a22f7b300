import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Alert } from "$host/host";
import { sampleAlert } from "../../test-samples";
import { beginToSpeak, speak } from "../language.svelte";
import { alertAdvice, alertKindName, alertsSentence, alertText, alertTitle } from "./alerts";

const alert: Alert = {
  ...sampleAlert,
  title: "12 failed sign-ins for anna@example.org",
  login: "anna@example.org",
  count: 12,
};

it("knows for every kind of alert what to do", () => {
  expect(Object.keys(alertAdvice)).toEqual(Object.keys(alertKindName));
});

describe("in other languages", () => {
  beforeAll(beginToSpeak);
  afterEach(() => {
    speak("system");
  });

  it("an alert is put into words from its data", () => {
    speak("de");
    expect(alertTitle(alert)).toBe("12 fehlgeschlagene Anmeldungen von anna@example.org");
    const network: Alert = {
      ...alert,
      kind: "network_failures",
      network: "203.0.113.7/32",
      accounts_total: 5,
    };
    expect(alertTitle(network)).toBe("203.0.113.7 ist an 5 Konten gescheitert");
    expect(alertText(network)).toMatch(
      /^12 fehlgeschlagene Anmeldungen kamen von 203\.0\.113\.7\./,
    );
    const certificate: Alert = { ...alert, kind: "certificate_changed" };
    expect(alertTitle(certificate)).toBe(
      "Der Dienst zeigt ein Zertifikat, dem nicht vertraut wird",
    );
    speak("uk");
    expect(alertsSentence([alert, alert])).toBe("2 відкриті сповіщення, критичних: 2.");
  });

  it("an alert that lacks its data keeps the service's words", () => {
    speak("de");
    expect(alertTitle({ ...alert, login: null })).toBe(alert.title);
  });
});
