import { expect, it } from "vitest";
import type { Link } from "$host/host";
import { linkWords } from "./link";

const now = Date.parse("2026-11-24T12:00:00Z");

it.each<[Link, string]>([
  [{ kind: "connecting" }, "Connecting…"],
  [{ kind: "catching_up", behind: 1204, total: 5000 }, "Catching up: 3,796 of 5,000 events"],
  [{ kind: "catching_up", behind: 0, total: 0 }, "Catching up…"],
  [{ kind: "live" }, "Up to date"],
  [
    { kind: "offline", since: "2026-11-24T11:57:00Z", why: "connection refused" },
    "Offline since 3 min ago: connection refused",
  ],
  [{ kind: "signed_out" }, "Signed out"],
])("%j reads “%s”", (link, words) => {
  expect(linkWords(link, now).word).toBe(words);
});
