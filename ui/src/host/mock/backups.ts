import type * as t from "../host";
import { boxes, countIn, mixed, take, taken } from "./mail";
import { attacked, fresh, now, parameters, scenario } from "./scenario";
import * as seed from "./seed";
import { copied, currentTargets, targetCommands } from "./targets";

interface Needs {
  read: <T>(answer: () => T) => Promise<T>;
  write: <T>(answer: () => T) => Promise<T>;
  problem: (code: t.Code, message: string) => t.Problem;
  changed: (...parts: (keyof t.DataChanged)[]) => void;
  mustBeFresh: () => void;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const STEP_MS = 250;

/** `?copy=`: how this computer's copy stands at first. */
const copy = parameters.get("copy") ?? (fresh ? "off" : "complete");

const away = scenario === "offline" || scenario === "signed-out";
const whole = 1_204_311_552;

const full: t.BackupProgress = {
  bytes: whole,
  total_bytes: whole,
  files: 100_231,
  total_files: 100_231,
};

let next = 0;

function ended(
  work: t.BackupWork,
  begun: number,
  seconds: number,
  outcome: t.BackupOutcome,
  by: string | null = null,
): t.BackupJob {
  next += 1;
  return {
    id: `job${next}`,
    work,
    begun_at: seed.iso(begun),
    by,
    progress: full,
    ended_at: seed.iso(begun + seconds * 1_000),
    outcome,
  };
}

function backedUp({ id, at }: { id: string; at: number }, index: number): t.BackupOutcome {
  const messages = boxes.reduce((sum, box) => sum + countIn(box, at), 0);
  const leftOut = scenario === "worst" && index % 5 === 0;
  return {
    kind: "backed_up",
    snapshot: id,
    at: seed.iso(at),
    accounts: boxes.length,
    messages,
    bytes: messages * 41_000,
    stored: 4_000_000 + (mixed(index, 6) % 30_000_000),
    left_out: leftOut
      ? [
          {
            path: `mail/example.org/${"a-very-long-folder-name-".repeat(6)}/mbox`,
            why: "It is an mbox file; only Maildir is backed up yet.",
          },
          { path: "mail/example.org/george/Maildir/cur/1.M2", why: "Permission denied." },
        ]
      : [],
    left_out_count: leftOut ? 214 : 0,
    forgotten: index % 7 === 0 ? 1 : 0,
    not_thinned: null,
  };
}

const faults: t.BackupFault[] = [
  {
    file_kind: "pack",
    file: "data/4f/4f1c9e02d7b1a6630c88e4517f9ab2cd03ee61f4a8d57709b1c2e3f405162738",
    what: "Its content is not what its name says: bits were flipped on the disk.",
  },
  {
    file_kind: "index",
    file: "index/b07d11f2",
    what: "The file is missing.",
  },
];

function proven(part: t.DataShare | null, found: readonly t.BackupFault[] = []): t.BackupOutcome {
  return {
    kind: "proven",
    files: part ? 172 : 1_204,
    bytes: part ? Math.round(whole / part.of) : whole,
    snapshots: taken.length,
    share: part,
    faults: [...found],
    fault_count: found.length,
  };
}

const drilledOn = taken[3] ?? taken[0];

function drilled(passes: boolean): t.BackupOutcome {
  const check = (kind: t.DrillCheckKind, looked_at: number, message: string, passed = true) => ({
    check: kind,
    passed,
    looked_at,
    message,
  });
  return {
    kind: "drilled",
    snapshot: drilledOn?.id ?? "",
    snapshot_at: seed.iso(drilledOn?.at ?? now),
    seconds: 252.4,
    checks: [
      check("restored", 100_543, "All 100,543 files were brought back."),
      check("started", 1, "The service answered after 1.9 s."),
      check("counted", 14, "All 14 counts are those of the manifest."),
      passes
        ? check("messages", 1_000, "1,000 random messages are the same, byte for byte.")
        : check(
            "messages",
            1_000,
            "2 of 1,000 random messages differ: dmitri@example.org, INBOX, 1731. Their pack 4f1c9e02 is damaged; run the proof of data, then back up again.",
            false,
          ),
    ],
  };
}

const bad = scenario === "worst";
let proofs: t.BackupJob[] = fresh
  ? []
  : [
      ended("prove_names", now - 20 * HOUR, 41, proven(null, bad ? faults : [])),
      ended("prove_structure", now - 20 * HOUR + 60_000, 12, proven(null)),
      ended(
        "prove_data",
        now - 19 * HOUR,
        96,
        proven({ part: 3, of: 7 }, bad ? faults.slice(0, 1) : []),
      ),
      ended("drill", now - 2 * DAY - 21 * HOUR, 260, drilled(!bad), "admin@example.org"),
    ];

let jobs: t.BackupJob[] = fresh
  ? []
  : [
      ...taken.map((one, index) => ended("back_up", one.at, 47, backedUp(one, index))),
      ...proofs,
      ended(
        "restore",
        now - 26 * HOUR,
        9,
        {
          kind: "restored",
          restored: 118,
          there: 4,
          bytes: 6_120_000,
          troubles: bad ? [{ path: "mail/x/Maildir/cur/7", why: "The pack is damaged." }] : [],
          trouble_count: bad ? 1 : 0,
          folders: ["Restored 2026-11-26"],
        },
        "admin@example.org",
      ),
      ended("prove_data", now - 4 * DAY, 3, { kind: "cancelled" }, "admin@example.org"),
    ].toSorted((a, b) => Date.parse(b.begun_at) - Date.parse(a.begun_at));
if (bad || parameters.get("backup") === "failed")
  jobs = [
    ended("back_up", now - 2 * HOUR, 31, {
      kind: "failed",
      problem: {
        code: "storage_full",
        message:
          "The disk of the repository is full: 212 MB are free, 1.9 GB are needed. Make room on /var/backups, or let older snapshots go.",
        details: null,
      },
    }),
    ...jobs,
  ];

let running: t.BackupJob | null = null;
let timer: ReturnType<typeof setInterval> | undefined;

function settings(): t.MirrorSettings {
  return {
    scope: copy === "folders" ? { kind: "folders" } : { kind: "whole" },
    limit: null,
  };
}

const first: Record<string, t.MirrorState> = {
  off: { kind: "off" },
  complete: { kind: "complete" },
  folders: { kind: "complete" },
  paused: { kind: "paused" },
  failed: {
    kind: "failed",
    why: "This computer's disk is full: 96 MB are free. Make room, or choose fewer accounts.",
  },
  running: {
    kind: "running",
    part: "data",
    progress: { bytes: 402_000_000, total_bytes: whole, files: 412, total_files: 1_204 },
  },
};

let mirror: t.Mirror = {
  state:
    away && copy !== "off"
      ? { kind: "waiting", why: "Connection refused at 127.0.0.1:8480" }
      : (first[copy] ?? { kind: "off" }),
  settings: copy === "off" ? null : settings(),
  here: copy === "off" ? 0 : copy === "complete" ? whole : Math.round(whole * 0.34),
  total: copy === "off" ? null : whole,
  snapshots: copy === "off" ? 0 : taken.length,
  complete_at: copy === "complete" ? seed.iso(now - 2 * HOUR) : null,
  untold_reads: away ? 14 : 0,
};

let index: t.MailIndex =
  parameters.get("index") === "off" || copy === "off"
    ? { state: { kind: "off" }, messages: 0, bytes: 0 }
    : {
        state: { kind: bad ? "behind" : "complete" },
        messages: 101_377,
        bytes: 214_000_000,
      };
let indexing: ReturnType<typeof setInterval> | undefined;
let mirroring: ReturnType<typeof setInterval> | undefined;

/** Whether there is a copy. */
export const mirrors = () => mirror.state.kind !== "off";
/** Whether the search is on. */
export const indexHasAll = () => index.state.kind !== "off";

export function mirrorHolds(login: string): boolean {
  const scope = mirror.settings?.scope;
  return (
    scope === undefined ||
    scope.kind === "whole" ||
    (scope.kind === "accounts" && scope.logins.includes(login))
  );
}

function standing(): t.BackupStanding {
  const asked = parameters.get("backup");
  if (asked === "not-set-up") return "not_set_up";
  return fresh || asked === "not-configured" ? "not_configured" : "ready";
}

function service(): t.Backups {
  const ready = standing() === "ready";
  return {
    standing: standing(),
    repository:
      standing() === "not_configured"
        ? null
        : bad
          ? `sftp:backup@${"a-very-long-host-name.".repeat(6)}example.org:/srv/backups/mailcup`
          : "/var/backups/mailcup",
    size: ready ? whole + 410_000_000 : null,
    schedule: ready
      ? {
          time: "02:00",
          next_at: seed.iso(now + 21 * HOUR),
          keep: { daily: 14, weekly: 8, monthly: 12, yearly: 3 },
          data_read_days: 7,
        }
      : null,
    running: ready ? running : null,
    jobs: ready ? jobs : [],
    proofs: ready ? proofs : [],
    targets: ready ? currentTargets() : [],
    may_read_mail: scenario !== "auditor" && parameters.get("mail") !== "no",
  };
}

/** The backups of a mocked service, and this computer's copy of them. */
export function backupCommands({ read, write, problem, changed, mustBeFresh }: Needs) {
  const tell = () => {
    changed("backups");
  };
  const work: Work = { tell };
  if (parameters.get("backup") === "running") begin("back_up", null, work);
  if (copy === "running" && !away) fill(tell);
  return {
    backups: () =>
      read(() => ({
        service: service(),
        read_at: seed.iso(away ? now - 2 * HOUR : Date.now()),
        away: away ? "The service can't be reached: Connection refused." : null,
        mirror,
        index,
      })),
    beginBackupJob: (job: t.NewBackupJob) =>
      write(() => {
        if (running) throw problem("conflict", "Something else is under way; wait for it.");
        return begin(workOf(job), job, work);
      }),
    cancelBackupJob: (id: t.BackupJobId) =>
      write(() => {
        if (running?.id !== id) throw problem("not_found", "That is over already.");
        finish({ kind: "cancelled" }, work);
        return null;
      }),
    ...targetCommands({ write, problem, mustBeFresh, tell }),
    beginMirror: (wanted: t.MirrorSettings) =>
      write(() => {
        mustBeFresh();
        mirror = { ...mirror, settings: wanted, here: 0, total: whole, snapshots: 0 };
        fill(tell);
        return null;
      }),
    changeMirror: (wanted: t.MirrorSettings) =>
      write(() => {
        mirror = { ...mirror, settings: wanted };
        fill(tell);
        return null;
      }),
    pauseMirror: () =>
      read(() => {
        clearInterval(mirroring);
        mirror = { ...mirror, state: { kind: "paused" } };
        tell();
        return null;
      }),
    resumeMirror: () => read(() => (fill(tell), null)),
    forgetMirror: () =>
      read(() => {
        clearInterval(mirroring);
        clearInterval(indexing);
        mirror = {
          ...mirror,
          state: { kind: "off" },
          settings: null,
          here: 0,
          total: null,
          snapshots: 0,
          complete_at: null,
        };
        index = { state: { kind: "off" }, messages: 0, bytes: 0 };
        tell();
        return null;
      }),
    beginMailIndex: () => read(() => (learn(tell), null)),
    cancelMailIndex: () =>
      read(() => {
        clearInterval(indexing);
        index = { ...index, state: { kind: "behind" } };
        tell();
        return null;
      }),
    forgetMailIndex: () =>
      read(() => {
        clearInterval(indexing);
        index = { state: { kind: "off" }, messages: 0, bytes: 0 };
        tell();
        return null;
      }),
  } satisfies Partial<t.Host>;
}

interface Work {
  tell: () => void;
}

function workOf({ kind }: t.NewBackupJob): t.BackupWork {
  return kind;
}

function begin(work: t.BackupWork, asked: t.NewBackupJob | null, { tell }: Work): t.BackupJob {
  next += 1;
  running = {
    id: `job${next}`,
    work,
    begun_at: seed.iso(Date.now()),
    by: asked ? "admin@example.org" : null,
    progress: { bytes: 0, total_bytes: 0, files: 0, total_files: 0 },
    ended_at: null,
    outcome: null,
  };
  let step = 0;
  const total = work === "restore" ? 118 : 100_231;
  clearInterval(timer);
  timer = setInterval(() => {
    if (!running) return;
    step += 1;
    const share = Math.min(1, step / 24);
    running = {
      ...running,
      progress: {
        bytes: Math.round(whole * share),
        total_bytes: step < 3 ? 0 : whole,
        files: Math.round(total * share),
        total_files: step < 3 ? 0 : total,
      },
    };
    if (step >= 24) finish(outcomeOf(work, asked), { tell });
    else tell();
  }, STEP_MS);
  tell();
  return running;
}

function outcomeOf(work: t.BackupWork, asked: t.NewBackupJob | null): t.BackupOutcome {
  switch (work) {
    case "back_up":
      return backedUp(take(), 1);
    case "prove_data":
      return proven(asked?.kind === "prove_data" && asked.all ? null : { part: 4, of: 7 });
    case "prove_names":
    case "prove_structure":
      return proven(null);
    case "drill":
      return drilled(true);
    case "copy":
    case "prove_copy":
      return copied(asked ?? { kind: "copy", target: null });
    case "restore": {
      const count = asked?.kind === "restore" ? asked.paths.length : 0;
      const to = asked?.kind === "restore" ? asked.to : undefined;
      return {
        kind: "restored",
        restored: Math.max(0, count - 1),
        there: Math.min(count, 1),
        bytes: count * 41_000,
        troubles: attacked ? [{ path: "INBOX/1731", why: "The mailbox's quota is used up." }] : [],
        trouble_count: attacked ? 1 : 0,
        folders: [to?.kind === "folder" ? to.name : to?.kind === "account" ? to.folder : "INBOX"],
      };
    }
  }
}

function finish(outcome: t.BackupOutcome, { tell }: Work) {
  clearInterval(timer);
  if (!running) return;
  const job = { ...running, ended_at: seed.iso(Date.now()), outcome };
  running = null;
  jobs = [job, ...jobs];
  if (outcome.kind === "proven" || outcome.kind === "drilled")
    proofs = [job, ...proofs.filter(({ work }) => work !== job.work)];
  tell();
}

const order = ["listing", "snapshots", "index", "folders", "data"] as const;

function fill(tell: () => void) {
  clearInterval(mirroring);
  let step = 0;
  const move = () => {
    const part = order[Math.min(4, Math.floor(step / 3))] ?? "data";
    const share = part === "data" ? Math.min(1, (step - 12) / 20) : (step % 3) / 3;
    const here = Math.max(mirror.here, Math.round(whole * (part === "data" ? share : step / 400)));
    mirror = {
      ...mirror,
      here,
      snapshots: step > 3 ? taken.length : mirror.snapshots,
      state: {
        kind: "running",
        part,
        progress: {
          bytes: here,
          total_bytes: step < 2 ? 0 : whole,
          files: Math.round(1_204 * share),
          total_files: step < 2 ? 0 : 1_204,
        },
      },
    };
    if (step > 32) {
      clearInterval(mirroring);
      mirror = {
        ...mirror,
        here: whole,
        state: { kind: "complete" },
        complete_at: seed.iso(Date.now()),
      };
    }
    step += 1;
    tell();
  };
  move();
  mirroring = setInterval(move, STEP_MS);
}

function learn(tell: () => void) {
  clearInterval(indexing);
  const total = 101_377;
  let done = 0;
  const move = () => {
    index = { state: { kind: "running", done, total }, messages: done, bytes: done * 2_110 };
    if (done >= total) {
      clearInterval(indexing);
      index = { ...index, state: { kind: "complete" } };
    }
    done = Math.min(total, done + 4_700);
    tell();
  };
  move();
  indexing = setInterval(move, STEP_MS);
}
