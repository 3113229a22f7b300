import { expect, it } from "vitest";
import type { BackupJob, BackupOutcome, Backups, BackupsView, BackupWork } from "$host/host";
import { authenticationMark, authenticationWords } from "./authentication";
import { isMessage, stampedFolder, whatOf } from "./restoring";
import { senderName, visible } from "./visible";
import { duration, progressOf, statusSentence } from "./words";

const now = Date.parse("2026-11-28T12:00:00Z");
const hoursAgo = (hours: number) => new Date(now - hours * 3_600_000).toISOString();

const job = (work: BackupWork, hours: number, outcome: BackupOutcome): BackupJob => ({
  id: `${work} ${hours}`,
  work,
  begun_at: hoursAgo(hours),
  by: null,
  progress: { bytes: 0, total_bytes: 0, files: 0, total_files: 0 },
  ended_at: hoursAgo(hours - 0.01),
  outcome,
});

const written: BackupOutcome = {
  kind: "backed_up",
  snapshot: "a1",
  at: hoursAgo(3),
  accounts: 48,
  messages: 100_231,
  bytes: 1,
  stored: 1,
  left_out: [],
  left_out_count: 0,
  forgotten: 0,
  not_thinned: null,
};
const proven = (fault_count: number): BackupOutcome => ({
  kind: "proven",
  files: 1,
  bytes: 1,
  snapshots: 1,
  share: null,
  faults: [],
  fault_count,
});

const shown = (service: Partial<Backups>): BackupsView => ({
  service: {
    standing: "ready",
    repository: "/x",
    size: 1,
    schedule: null,
    running: null,
    jobs: [],
    proofs: [],
    may_read_mail: true,
    ...service,
  },
  read_at: null,
  away: null,
  mirror: {
    state: { kind: "off" },
    settings: null,
    here: 0,
    total: null,
    snapshots: 0,
    complete_at: null,
    untold_reads: 0,
  },
  index: { state: { kind: "off" }, messages: 0, bytes: 0 },
});

it("says in a sentence how the backups stand", () => {
  const jobs = [job("back_up", 3, written)];
  const proofs = [job("prove_names", 20, proven(0)), job("drill", 2, { kind: "cancelled" })];
  expect(statusSentence(shown({ jobs, proofs }), now)).toBe(
    "Last backup 3 h ago: 48 accounts, 100,231 messages. Proven 20 h ago.",
  );
});

it("never calls proven what isn't", () => {
  const jobs = [job("back_up", 3, written)];
  const cancelled = [job("prove_data", 1, { kind: "cancelled" })];
  expect(statusSentence(shown({ jobs, proofs: cancelled }), now)).toContain("Not proven yet");
  const bad = [job("prove_names", 1, proven(2)), job("prove_data", 2, proven(0))];
  expect(statusSentence(shown({ jobs, proofs: bad }), now)).toContain(
    "Something is wrong: Proof of names.",
  );
});

it("tells of a backup that failed after the last one", () => {
  const failed: BackupOutcome = {
    kind: "failed",
    problem: { code: "storage_full", message: "full", details: null },
  };
  const sentence = statusSentence(
    shown({ jobs: [job("back_up", 1, failed), job("back_up", 3, written)] }),
    now,
  );
  expect(sentence).toContain("The backup of 1 h ago failed. Last backup 3 h ago");
});

it("counts by bytes, or by files where no bytes are known, or not at all", () => {
  const none = { bytes: 0, total_bytes: 0, files: 0, total_files: 0 };
  expect(progressOf(none).value).toBeUndefined();
  expect(progressOf({ ...none, files: 3, total_files: 4 })).toEqual({ value: 3, max: 4 });
  expect(progressOf({ bytes: 5, total_bytes: 9, files: 3, total_files: 4 }).value).toBe(5);
});

it("says how long something took", () => {
  expect([38, 252.4, 59.7, 7_500, 259_200].map(duration)).toEqual([
    "38 s",
    "4 min 12 s",
    "1 min 0 s",
    "2 h 5 min",
    "3 days",
  ]);
});

it("names a folder by the day on which things came back", () => {
  expect(stampedFolder(new Date(2026, 10, 8))).toBe("Restored 2026-11-08");
});

it("tells messages from folders and accounts", () => {
  const message = "example.org/anna/Maildir/.Sent/cur/17.M3:2,S";
  expect(isMessage(message)).toBe(true);
  expect(whatOf([message, `${message}R`])).toBe("2 messages");
  expect(whatOf(["example.org/anna/Maildir/.Sent"])).toBe("a folder");
  expect(whatOf(["example.org/anna"])).toBe("a whole account");
});

it("shows what would turn a name around", () => {
  expect(visible("Photos\u202Egpj.exe")).toBe("Photos□gpj.exe");
  expect(visible("مرحبا")).toBe("مرحبا");
  expect(senderName("\u202EknaB <x@y.z>")).toBe("□knaB");
  expect(senderName("<x@y.z>")).toBe("<x@y.z>");
});

it("never takes a doubtful sender for a proven one", () => {
  const about = { about: "bank.example", by: "mx1" };
  const of = (method: string, result: string) => ({ method, result, ...about });
  for (const result of [
    "fail",
    "softfail",
    "policy",
    "permerror",
    "temperror",
    "none",
    "neutral",
    "x",
  ])
    expect(authenticationMark(of("spf", result)).tone).not.toBe("good");
  expect(authenticationMark(of("dmarc", "PASS")).tone).toBe("good");
  expect(authenticationWords(of("dmarc", "fail"))).toContain("may be forged");
  expect(authenticationWords(of("spf", "softfail"))).toContain("may not send");
});
