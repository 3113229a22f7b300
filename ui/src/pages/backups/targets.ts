import { m } from "$messages";
import type {
  BackupTarget,
  BackupTargetChange,
  TargetObstacle,
  TargetPlace,
  TargetTrouble,
} from "$host/host";
import type { Mark } from "./words";

export type TargetKind = TargetPlace["kind"];

export const targetKinds = ["rest", "sftp", "s3", "folder"] as const satisfies TargetKind[];

export const standardPort = 22;

/** What a person writes into the form. */
export interface TargetForm {
  kind: TargetKind;
  path: string;
  url: string;
  user: string;
  host: string;
  port: number;
  hostKey: string;
  endpoint: string;
  region: string;
  bucket: string;
  prefix: string;
  accessKey: string;
  /** What an SSH host is signed in to with. */
  way: "password" | "key";
  /** Empty leaves the stored one as it is. */
  secret: string;
  /** In KB a second; empty for none. */
  limit: string;
}

export function formOf(target: BackupTarget | undefined): TargetForm {
  const form: TargetForm = {
    kind: "rest",
    path: "",
    url: "",
    user: "",
    host: "",
    port: standardPort,
    hostKey: "",
    endpoint: "",
    region: "",
    bucket: "",
    prefix: "",
    accessKey: "",
    way: "password",
    secret: "",
    limit: "",
  };
  if (!target) return form;
  const { place, limit } = target;
  form.kind = place.kind;
  form.limit = limit === null ? "" : String(Math.max(1, Math.round(limit / 1024)));
  switch (place.kind) {
    case "folder":
      return { ...form, path: place.path };
    case "rest":
      return { ...form, url: place.url, user: place.user ?? "" };
    case "sftp":
      return {
        ...form,
        host: place.host,
        port: place.port,
        user: place.user,
        path: place.path,
        hostKey: place.host_key ?? "",
      };
    case "s3":
      return {
        ...form,
        endpoint: place.endpoint,
        region: place.region,
        bucket: place.bucket,
        prefix: place.prefix,
        accessKey: place.access_key,
      };
  }
}

export function limitIsWrong(limit: string): boolean {
  return limit.trim() !== "" && !/^[1-9]\d{0,6}$/.test(limit.trim());
}

export function changeOf(form: TargetForm): BackupTargetChange {
  return {
    place: placeOf(form),
    secret: form.kind === "folder" || form.secret === "" ? null : form.secret,
    limit: form.limit.trim() === "" ? null : Number(form.limit) * 1024,
  };
}

function placeOf(form: TargetForm): TargetPlace {
  const text = (value: string) => value.trim();
  const some = (value: string) => (text(value) === "" ? null : text(value));
  switch (form.kind) {
    case "folder":
      return { kind: "folder", path: text(form.path) };
    case "rest":
      return { kind: "rest", url: text(form.url), user: some(form.user) };
    case "sftp":
      return {
        kind: "sftp",
        host: text(form.host),
        port: form.port,
        user: text(form.user),
        path: text(form.path),
        host_key: some(form.hostKey),
      };
    case "s3":
      return {
        kind: "s3",
        endpoint: text(form.endpoint),
        region: text(form.region),
        bucket: text(form.bucket),
        prefix: text(form.prefix),
        access_key: text(form.accessKey),
      };
  }
}

export function kindName(kind: TargetKind): string {
  switch (kind) {
    case "folder":
      return m.backups_target_kind_folder();
    case "rest":
      return m.backups_target_kind_rest();
    case "sftp":
      return m.backups_target_kind_sftp();
    case "s3":
      return m.backups_target_kind_s3();
  }
}

/** Where it is, as a person would write it. */
export function placeName(place: TargetPlace): string {
  switch (place.kind) {
    case "folder":
      return place.path;
    case "rest":
      return place.url;
    case "sftp":
      return `${place.user}@${place.host}${place.port === standardPort ? "" : `:${String(place.port)}`}:${place.path}`;
    case "s3":
      return [place.endpoint.replace(/\/+$/, ""), place.bucket, place.prefix]
        .filter((part) => part !== "")
        .join("/");
  }
}

/** What stands in the way, and what to do about it. */
export function obstacleWords(what: TargetObstacle): string {
  switch (what) {
    case "unresolved":
      return m.backups_target_unresolved();
    case "refused":
      return m.backups_target_refused();
    case "timed_out":
      return m.backups_target_timed_out();
    case "untrusted":
      return m.backups_target_untrusted();
    case "host_key":
      return m.backups_target_host_key_differs();
    case "login":
      return m.backups_target_login();
    case "no_bucket":
      return m.backups_target_no_bucket();
    case "no_folder":
      return m.backups_target_no_folder();
    case "not_writable":
      return m.backups_target_not_writable();
    case "full":
      return m.backups_target_full();
    case "foreign":
      return m.backups_target_foreign();
    case "gone":
      return m.backups_target_gone();
    case "emptied":
      return m.backups_target_emptied();
    case "damaged":
      return m.backups_target_damaged();
    case "other":
      return m.backups_target_other();
  }
}

/** The obstacle in words; what the service said of it follows where it tells more. */
export function troubleWords({ what, message }: TargetTrouble): string {
  const words = obstacleWords(what);
  return what === "other" || what === "damaged" ? `${words} ${message}` : words;
}

export function targetMark(target: BackupTarget): Mark {
  if (target.overdue)
    return { tone: "critical", icon: "error", word: m.backups_target_state_overdue() };
  if (target.trouble)
    return { tone: "warning", icon: "alert", word: m.backups_target_state_trouble() };
  if (target.copied_at === null)
    return { tone: "neutral", icon: "hourglass", word: m.backups_target_state_waiting() };
  return { tone: "good", icon: "checkCircle", word: m.backups_target_state_copied() };
}
