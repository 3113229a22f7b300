import { expect, test } from "vitest";
import type { BackupTarget, TargetPlace } from "$host/host";
import { changeOf, formOf, limitIsWrong, placeName, targetKinds, targetMark } from "./targets";

const places: TargetPlace[] = [
  { kind: "folder", path: "/mnt/second-disk/mailcup" },
  { kind: "rest", url: "https://backup.example.org/mail", user: "mailcup" },
  {
    kind: "sftp",
    host: "backup.example.org",
    port: 2222,
    user: "mailcup",
    path: "mail",
    host_key: "SHA256:abc",
  },
  {
    kind: "s3",
    endpoint: "https://s3.example.org/",
    region: "eu-central-1",
    bucket: "backups",
    prefix: "mail",
    access_key: "AKIA",
  },
];

const target = (place: TargetPlace, further: Partial<BackupTarget> = {}): BackupTarget => ({
  id: "one",
  place,
  has_secret: true,
  limit: 512_000,
  added_at: "2026-11-28T10:00:00Z",
  tried_at: null,
  copied_at: null,
  proven_at: null,
  size: null,
  trouble: null,
  overdue: false,
  ...further,
});

test("a target that is opened and saved stays what it was", () => {
  for (const place of places) {
    const form = formOf(target(place));
    expect(changeOf(form)).toEqual({ place, secret: null, limit: 512_000 });
  }
  expect(new Set(targetKinds)).toEqual(new Set(places.map(({ kind }) => kind)));
});

test("a folder is never given a secret, and a limit is a number or nothing", () => {
  const form = { ...formOf(undefined), kind: "folder" as const, path: " /mnt ", secret: "x" };
  expect(changeOf(form)).toEqual({
    place: { kind: "folder", path: "/mnt" },
    secret: null,
    limit: null,
  });
  expect(["", "1", "512"].map(limitIsWrong)).toEqual([false, false, false]);
  expect(["0", "fast", "-1", "1.5"].map(limitIsWrong)).toEqual([true, true, true, true]);
});

test("a place is named as a person would write it", () => {
  expect(places.map(placeName)).toEqual([
    "/mnt/second-disk/mailcup",
    "https://backup.example.org/mail",
    "mailcup@backup.example.org:2222:mail",
    "https://s3.example.org/backups/mail",
  ]);
});

test("what is worst about a target is shown", () => {
  const place = places[0] as TargetPlace;
  const trouble = { what: "refused" as const, message: "", host_key: null };
  expect(targetMark(target(place)).tone).toBe("neutral");
  expect(targetMark(target(place, { copied_at: "2026-11-28T10:00:00Z" })).tone).toBe("good");
  expect(targetMark(target(place, { trouble })).tone).toBe("warning");
  expect(targetMark(target(place, { trouble, overdue: true })).tone).toBe("critical");
});
