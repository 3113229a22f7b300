import { expect, it } from "vitest";
import { parseRoute } from "$lib/router.svelte";
import { closest, mailAddress, readMail, readPlace, stateAddress } from "./address";

const placeOf = (hash: string) => readPlace(parseRoute(hash).rest);

it("knows what each address shows", () => {
  expect(placeOf("#/backups")).toEqual({ kind: "standing" });
  expect(placeOf("#/backups/jobs/job1")).toEqual({ kind: "jobs", job: "job1" });
  expect(placeOf("#/backups/compare/a1/b2")).toEqual({ kind: "compare", from: "a1", to: "b2" });
  expect(placeOf("#/backups/compare/a1")).toEqual({ kind: "snapshots" });
  expect(placeOf("#/backups/a1b2")).toEqual({ kind: "mail", snapshot: "a1b2" });
  expect(placeOf("#/backups/a1b2/state/nonsense")).toMatchObject({ part: "accounts" });
});

it("leads to a record whose key has a slash", () => {
  expect(placeOf(stateAddress("a1", "known_networks", "203.0.113.0/24"))).toEqual({
    kind: "state",
    snapshot: "a1",
    part: "known_networks",
    record: "203.0.113.0/24",
  });
});

it("comes back from an address to what is shown of the mail", () => {
  const message = "example.org/anna/Maildir/.Sent/cur/17.M3P4.mx1:2,RS";
  const shown = {
    message,
    view: "headers",
    order: "oldest",
    threads: true,
    history: true,
  } as const;
  const { query } = parseRoute(mailAddress("a1", shown));
  expect(readMail(query)).toEqual({ ...shown, at: undefined });
  // What only a message has goes with it.
  expect(mailAddress("a1", { at: "x/y", history: true })).toBe("#/backups/a1?at=x/y");
});

it("finds the folder that a message lies in", () => {
  const folders = ["a/b/Maildir", "a/b/Maildir/.Sent", "a/b/Maildir/.Sent.2026"].map((path) => ({
    path,
  }));
  expect(closest(folders, "a/b/Maildir/.Sent/cur/1")?.path).toBe("a/b/Maildir/.Sent");
  expect(closest(folders, "a/b/Maildir/cur/1")?.path).toBe("a/b/Maildir");
  expect(closest(folders, "a/bc/Maildir/cur/1")).toBeUndefined();
});
