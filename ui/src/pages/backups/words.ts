import { m } from "$messages";
import type {
  BackupJob,
  BackupOutcome,
  BackupProgress,
  BackupsView,
  BackupWork,
  DrillCheckKind,
  MailFlag,
  MessageChangeKind,
  MirrorPart,
  RecordChangeKind,
  StatePart,
} from "$host/host";
import { obstacle } from "$host/view.svelte";
import type { IconName } from "$components/icons";
import type { Tone } from "$components/tone";
import { ago, count, plural } from "$lib/format";
import { size } from "$lib/size";

/** A word with the icon and colour that stand with it. */
export interface Mark {
  word: string;
  icon: IconName;
  tone: Tone;
}

export function workName(work: BackupWork): string {
  switch (work) {
    case "back_up":
      return m.backups_work_back_up();
    case "prove_names":
      return m.backups_work_names();
    case "prove_structure":
      return m.backups_work_structure();
    case "prove_data":
      return m.backups_work_data();
    case "drill":
      return m.backups_work_drill();
    case "restore":
      return m.backups_work_restore();
    case "copy":
      return m.backups_work_copy();
    case "prove_copy":
      return m.backups_work_prove_copy();
  }
}

export const proofs = [
  "prove_names",
  "prove_structure",
  "prove_data",
  "drill",
] as const satisfies BackupWork[];
export type Proof = (typeof proofs)[number];

export function proves(proof: Proof): string {
  switch (proof) {
    case "prove_names":
      return m.backups_proves_names();
    case "prove_structure":
      return m.backups_proves_structure();
    case "prove_data":
      return m.backups_proves_data();
    case "drill":
      return m.backups_proves_drill();
  }
}

export function leavesOpen(proof: Proof): string {
  switch (proof) {
    case "prove_names":
      return m.backups_open_names();
    case "prove_structure":
      return m.backups_open_structure();
    case "prove_data":
      return m.backups_open_data();
    case "drill":
      return m.backups_open_drill();
  }
}

const mark = (tone: Tone, icon: IconName, word: string): Mark => ({ tone, icon, word });

/** How a piece of work ended. */
export function outcomeMark(outcome: BackupOutcome | null): Mark {
  switch (outcome?.kind) {
    case undefined:
      return mark("notice", "refresh", m.backups_outcome_running());
    case "backed_up":
      return outcome.left_out_count > 0
        ? mark("warning", "alert", m.backups_outcome_left_out(plural(outcome.left_out_count)))
        : mark("good", "checkCircle", m.backups_outcome_done());
    case "proven":
      return outcome.fault_count > 0
        ? mark("critical", "error", m.backups_outcome_faults(plural(outcome.fault_count)))
        : mark("good", "checkCircle", m.backups_outcome_proven());
    case "drilled":
      return outcome.checks.every(({ passed }) => passed)
        ? mark("good", "checkCircle", m.backups_outcome_passed())
        : mark("critical", "error", m.backups_outcome_not_passed());
    case "restored":
      return outcome.trouble_count > 0
        ? mark("warning", "alert", m.backups_outcome_troubles(plural(outcome.trouble_count)))
        : mark("good", "checkCircle", m.backups_outcome_done());
    case "copied": {
      const bad = outcome.targets.filter(({ trouble }) => trouble !== null).length;
      return bad > 0
        ? mark("warning", "alert", m.backups_outcome_copy_troubles(plural(bad)))
        : mark("good", "checkCircle", m.backups_outcome_done());
    }
    case "cancelled":
      return mark("neutral", "block", m.backups_outcome_cancelled());
    case "failed":
      return mark("critical", "error", m.backups_outcome_failed());
  }
}

/** What came of a piece of work, in a line. */
export function outcomeWords(outcome: BackupOutcome | null): string {
  switch (outcome?.kind) {
    case undefined:
    case "cancelled":
      return "";
    case "backed_up":
      return m.backups_said_backed_up({
        messages: count(outcome.messages),
        size: size(outcome.bytes),
        stored: size(outcome.stored),
      });
    case "proven":
      return m.backups_said_proven({ files: count(outcome.files), size: size(outcome.bytes) });
    case "drilled":
      return m.backups_said_drilled({ time: duration(outcome.seconds ?? 0) });
    case "restored":
      return m.backups_said_restored({
        restored: count(outcome.restored),
        there: count(outcome.there),
      });
    case "copied": {
      const sum = (of: "files" | "bytes" | "read" | "mended") =>
        outcome.targets.reduce((all, target) => all + target[of], 0);
      return sum("read") > 0
        ? m.backups_said_copy_proven({ files: count(sum("read")), mended: count(sum("mended")) })
        : m.backups_said_copied({ files: count(sum("files")), size: size(sum("bytes")) });
    }
    case "failed":
      return outcome.problem.message;
  }
}

export function checkName(check: DrillCheckKind): string {
  switch (check) {
    case "restored":
      return m.backups_check_restored();
    case "started":
      return m.backups_check_started();
    case "counted":
      return m.backups_check_counted();
    case "messages":
      return m.backups_check_messages();
  }
}

export function mirrorPartName(part: MirrorPart): string {
  switch (part) {
    case "listing":
      return m.backups_part_listing();
    case "snapshots":
      return m.backups_part_snapshots();
    case "index":
      return m.backups_part_index();
    case "folders":
      return m.backups_part_folders();
    case "data":
      return m.backups_part_data();
  }
}

export function statePartName(part: StatePart): string {
  switch (part) {
    case "accounts":
      return m.app_page_accounts();
    case "access_rules":
      return m.app_page_rules();
    case "sending_limits":
      return m.app_page_limits();
    case "known_networks":
      return m.words_policy_known();
    case "admins":
      return m.app_page_admins();
    case "blocks":
      return m.app_page_blocks();
    case "alerts":
      return m.app_page_alerts();
    case "events":
      return m.review_part_events();
  }
}

export function flagMark(flag: MailFlag): Mark {
  switch (flag) {
    case "seen":
      return mark("neutral", "eye", m.review_flag_seen());
    case "answered":
      return mark("neutral", "undo", m.review_flag_answered());
    case "flagged":
      return mark("warning", "flag", m.review_flag_flagged());
    case "draft":
      return mark("neutral", "edit", m.review_flag_draft());
    case "deleted":
      return mark("critical", "trash", m.review_flag_deleted());
    case "passed":
      return mark("neutral", "send", m.review_flag_passed());
  }
}

export function changeMark(change: MessageChangeKind | RecordChangeKind): Mark {
  switch (change) {
    case "added":
      return mark("good", "plus", m.review_change_added());
    case "removed":
      return mark("critical", "minus", m.review_change_removed());
    case "moved":
      return mark("notice", "folder", m.review_change_moved());
    case "flagged":
      return mark("neutral", "flag", m.review_change_flagged());
    case "changed":
      return mark("warning", "edit", m.review_change_changed());
  }
}

/** "4 min 12 s", "38 s", "2 h 5 min". */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return m.backups_duration_seconds({ seconds: whole });
  if (whole < 3_600)
    return m.backups_duration_minutes({ minutes: Math.floor(whole / 60), seconds: whole % 60 });
  const minutes = Math.round(whole / 60);
  if (minutes < 2 * 1_440)
    return m.backups_duration_hours({ hours: Math.floor(minutes / 60), minutes: minutes % 60 });
  return m.backups_duration_days(plural(Math.round(minutes / 1_440)));
}

/** How far work has come; nothing while that isn't known. */
export function progressWords({ bytes, total_bytes, files, total_files }: BackupProgress): string {
  if (total_bytes > 0)
    return m.backups_progress({
      done: size(bytes),
      total: size(total_bytes),
      files: count(files),
      total_files: count(total_files),
    });
  return total_files > 0
    ? m.backups_progress_files({ done: count(files), total: count(total_files) })
    : m.backups_progress_begun();
}

export function progressOf(progress: BackupProgress): { value: number | undefined; max: number } {
  const { bytes, total_bytes, files, total_files } = progress;
  if (total_bytes > 0) return { value: bytes, max: total_bytes };
  return { value: total_files > 0 ? files : undefined, max: total_files };
}

/** The backup that came to an end last, whatever came of it, and the last one that wrote a snapshot. */
export function lastBackups(jobs: readonly BackupJob[]) {
  const backups = jobs.filter(({ work }) => work === "back_up");
  return {
    last: backups.find(({ outcome }) => outcome?.kind !== "cancelled"),
    written: backups.find(({ outcome }) => outcome?.kind === "backed_up"),
  };
}

/** Whether a proof looked and found nothing wrong. */
export function isGood(outcome: BackupOutcome | null): boolean {
  return (
    (outcome?.kind === "proven" && outcome.fault_count === 0) ||
    (outcome?.kind === "drilled" && outcome.checks.every(({ passed }) => passed))
  );
}

/** How all stands, in a sentence or two. */
export function statusSentence(shown: BackupsView | undefined, now: number): string | undefined {
  if (!shown) return undefined;
  const { service } = shown;
  if (!service) return m.backups_status_unknown();
  if (service.standing === "not_configured") return m.backups_status_not_configured();
  if (service.standing === "not_set_up") return m.backups_status_not_set_up();
  const { last, written } = lastBackups(service.jobs);
  return [
    ...(last?.outcome?.kind === "failed"
      ? [m.backups_status_failed({ when: ago(Date.parse(last.begun_at), now) })]
      : []),
    written?.outcome?.kind === "backed_up"
      ? m.backups_status_last({
          when: ago(Date.parse(written.outcome.at), now),
          accounts: m.backups_accounts(plural(written.outcome.accounts)),
          messages: m.backups_messages(plural(written.outcome.messages)),
        })
      : m.backups_status_none(),
    proofSentence(service.proofs, now),
  ].join(" ");
}

function proofSentence(proofs: readonly BackupJob[], now: number): string {
  const found = proofs.filter(({ outcome }) => outcome && outcome.kind !== "cancelled");
  const bad = found.filter(({ outcome }) => !isGood(outcome));
  if (bad.length > 0)
    return m.backups_status_bad({ proofs: bad.map(({ work }) => workName(work)).join(", ") });
  const last = found.toSorted((a, b) => Date.parse(b.begun_at) - Date.parse(a.begun_at))[0];
  return last
    ? m.backups_status_proven({ when: ago(Date.parse(last.begun_at), now) })
    : m.backups_status_unproven();
}

/** Why nothing that the service does for backups can be begun now. */
export function workObstacle(shown: BackupsView | undefined): string | undefined {
  const reason = obstacle();
  if (reason) return reason;
  if (shown?.service?.standing !== "ready") return m.backups_obstacle_not_ready();
  if (shown.service.running)
    return m.backups_obstacle_running({ work: workName(shown.service.running.work) });
  return undefined;
}

/** Why mail can't be put back now. */
export function restoreObstacle(shown: BackupsView | undefined): string | undefined {
  return (
    workObstacle(shown) ??
    (shown?.service?.may_read_mail === false ? m.backups_obstacle_mail() : undefined)
  );
}

/** What kind of file of the repository is damaged. */
export function fileKindName(kind: string): string {
  const known: Partial<Record<string, () => string>> = {
    __proto__: null as never,
    config: m.backups_file_config,
    key: m.backups_file_key,
    snapshot: m.backups_file_snapshot,
    index: m.backups_file_index,
    pack: m.backups_file_pack,
  };
  return known[kind]?.() ?? kind;
}
