import type * as t from "../host";
import { fresh, now, scenario } from "./scenario";
import * as seed from "./seed";

interface Needs {
  write: <T>(answer: () => T) => Promise<T>;
  problem: (code: t.Code, message: string) => t.Problem;
  mustBeFresh: () => void;
  tell: () => void;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const fingerprint = "SHA256:2Rb0u3cBq0xN8m8O9d3zK0vT1yZr7Jf5c6QpWn4LhXg";
const whole = 1_614_311_552;

const bad = scenario === "worst";
let next = 0;

function target(place: t.TargetPlace, further: Partial<t.BackupTarget> = {}): t.BackupTarget {
  next += 1;
  return {
    id: `target${String(next)}`,
    place,
    has_secret: place.kind !== "folder",
    limit: null,
    added_at: seed.iso(now - 40 * DAY),
    tried_at: seed.iso(now - 2 * HOUR),
    copied_at: seed.iso(now - 2 * HOUR),
    proven_at: seed.iso(now - 3 * DAY),
    size: whole,
    trouble: null,
    overdue: false,
    ...further,
  };
}

let targets: t.BackupTarget[] = fresh
  ? []
  : [
      target({ kind: "rest", url: "https://backup.example.org/mailcup/", user: "mailcup" }),
      target(
        {
          kind: "sftp",
          host: bad ? `${"a-very-long-host-name.".repeat(5)}example.org` : "vault.example.org",
          port: 22,
          user: "backup",
          path: "/srv/mailcup",
          host_key: fingerprint,
        },
        bad
          ? {
              copied_at: seed.iso(now - 3 * DAY),
              limit: 2_048 * 1_024,
              overdue: true,
              trouble: {
                what: "host_key",
                message: "The host shows another key than the one that is to be trusted.",
                host_key: fingerprint,
              },
            }
          : { limit: 2_048 * 1_024 },
      ),
    ];

export const currentTargets = (): t.BackupTarget[] => targets;

/** What a copy, or a proof of one, comes to. */
export function copied(asked: t.NewBackupJob): t.BackupOutcome {
  const of = asked.kind === "copy" || asked.kind === "prove_copy" ? asked.target : null;
  const chosen = targets.filter(({ id }) => of === null || id === of);
  const at = seed.iso(Date.now());
  for (const one of chosen) {
    if (one.trouble) continue;
    targets = targets.map((it) =>
      it.id !== one.id
        ? it
        : asked.kind === "copy"
          ? { ...it, tried_at: at, copied_at: at, size: whole }
          : { ...it, proven_at: at },
    );
  }
  return {
    kind: "copied",
    targets: chosen.map((one) => ({
      target: one.id,
      at: one.place.kind === "rest" ? one.place.url : one.id,
      files: asked.kind === "copy" ? 12 : 0,
      bytes: asked.kind === "copy" ? 21_000_000 : 0,
      removed: 0,
      kept: 0,
      read: asked.kind === "copy" ? 0 : 1_204,
      mended: 0,
      trouble: one.trouble,
    })),
  };
}

/** Targets of a mocked service. */
export function targetCommands({ write, problem, mustBeFresh, tell }: Needs) {
  const known = (id: t.BackupTargetId) => {
    const found = targets.find((it) => it.id === id);
    if (!found) throw problem("not_found", "There is no such target.");
    return found;
  };
  return {
    addBackupTarget: (change: t.BackupTargetChange) =>
      write(() => {
        mustBeFresh();
        const added = target(change.place, {
          has_secret: change.secret !== null,
          limit: change.limit ?? null,
          added_at: seed.iso(Date.now()),
          tried_at: null,
          copied_at: null,
          proven_at: null,
          size: null,
        });
        targets = [...targets, added];
        tell();
        return added;
      }),
    changeBackupTarget: (id: t.BackupTargetId, change: t.BackupTargetChange) =>
      write(() => {
        mustBeFresh();
        const changed: t.BackupTarget = {
          ...known(id),
          place: change.place,
          limit: change.limit ?? null,
          trouble: null,
        };
        targets = targets.map((it) => (it.id === id ? changed : it));
        tell();
        return changed;
      }),
    removeBackupTarget: (id: t.BackupTargetId) =>
      write(() => {
        mustBeFresh();
        known(id);
        targets = targets.filter((it) => it.id !== id);
        tell();
        return null;
      }),
    testBackupTarget: ({ target: { place } }: t.BackupTargetTest) =>
      write((): t.BackupTargetTested => {
        if (place.kind === "sftp" && place.host_key !== fingerprint)
          return {
            is_copy: false,
            trouble: { what: "host_key", message: "Unknown host key.", host_key: fingerprint },
          };
        if (place.kind === "rest" && !place.url.includes("example.org"))
          return {
            is_copy: false,
            trouble: { what: "unresolved", message: "No such host.", host_key: null },
          };
        return { is_copy: false, trouble: null };
      }),
  } satisfies Partial<t.Host>;
}
