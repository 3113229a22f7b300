import type * as t from "../host";
import { fresh, scenario } from "./scenario";

interface Needs {
  read: <T>(answer: () => T) => Promise<T>;
  write: <T>(answer: () => T) => Promise<T>;
}

const worst = scenario === "worst";
const STEP_MS = 300;

const report = (stored: number, not: number): t.ImportReport => ({
  bytes: 2_400_000,
  lines: stored * 9,
  found: { signed_in: stored, failed: 0, accepted: 0, refused: 0 },
  ignored: { dovecot: 210, postfix: 4120, others: 88 },
  cut_off: 0,
  not_understood: not,
  shapes:
    not > 0
      ? [
          {
            lines: not,
            examples: ["imap-login: Something new happened: user=<…>, rip=…".repeat(worst ? 4 : 1)],
          },
        ]
      : [],
  events: {
    stored,
    known: worst ? 1204 : 0,
    too_old: worst ? 31 : 0,
    recorded: 0,
    future: worst ? 2 : 0,
  },
});

const file = (name: string, size: number, standing: t.LogStanding): t.LogFile => ({
  name,
  size,
  sent: standing.kind === "done" ? size : 0,
  standing,
});

const offered: t.LogFile[] = [
  file("mail.log.2.gz", 812_000, { kind: "waiting" }),
  file("mail.log.1", 9_400_000, { kind: "waiting" }),
];

let desk: t.LogDesk = {
  files: fresh
    ? []
    : [
        file(worst ? `${"mail-of-a-server-".repeat(8)}.log` : "mail.log", 2_400_000, {
          kind: "done",
          report: report(18_211, worst ? 212 : 3),
        }),
        ...(worst
          ? [
              file("notes.txt", 1200, {
                kind: "failed",
                message:
                  "None of the first 1,000 lines begins with a time: this is no log of a mail server.",
              } as t.LogStanding),
            ]
          : []),
      ],
  is_running: false,
  refused: worst ? "/home/anna/logs: it is no file; drop the logs themselves" : null,
};

/** Logs are chosen without a dialog, and read at the pace of the mock. */
export function logCommands({ read, write }: Needs) {
  let cancelled = false;
  return {
    logDesk: () => read(() => desk),
    chooseLogs: () =>
      read(() => (desk = { files: [...offered], is_running: false, refused: null })),
    clearLogs: () => read(() => (desk = { files: [], is_running: false, refused: null })),
    cancelLogImport: () =>
      read(() => {
        cancelled = true;
        return null;
      }),
    importLogs: async (): Promise<t.LogDesk> => {
      cancelled = false;
      const set = (index: number, standing: t.LogStanding, sent: number) => {
        desk = {
          ...desk,
          is_running: true,
          files: desk.files.map((one, at) => (at === index ? { ...one, standing, sent } : one)),
        };
      };
      for (const [index, { standing, size }] of desk.files.entries()) {
        if (cancelled || standing.kind !== "waiting") continue;
        for (const part of [0.3, 0.7, 1]) {
          set(index, { kind: "sending" }, Math.round(size * part));
          await new Promise((resolve) => setTimeout(resolve, STEP_MS));
        }
        set(index, { kind: "done", report: report(4_120, 0) }, size);
      }
      return await write(() => (desk = { ...desk, is_running: false }));
    },
  };
}
