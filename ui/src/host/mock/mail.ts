import type * as t from "../host";
import { attacked, fresh, now, scenario } from "./scenario";
import * as seed from "./seed";

/** The mail of a mocked service over time: each message is made when it is asked for. */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SPAN = 400 * DAY;

const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

/** Always the same number for the same two. */
export function mixed(one: number, other: number): number {
  let hash = Math.imul(one ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(other + 0x7f4a7c15, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

const snapshotCount = fresh ? 0 : scenario === "worst" ? 60 : attacked ? 30 : 14;

export interface Taken {
  id: t.SnapshotId;
  at: number;
}

/** The newest first, one a night. */
export const taken: readonly Taken[] = Array.from({ length: snapshotCount }, (_, index) => {
  const at = now - 3 * HOUR - index * DAY + (mixed(index, 3) % 1_500) * 1_000;
  const id = [1, 2, 3, 4, 5, 6, 7, 8].map((part) =>
    mixed(index + 1, part)
      .toString(16)
      .padStart(8, "0"),
  );
  return { id: id.join(""), at };
});

/** What the next backup writes. */
export function take(): Taken {
  const id = mixed(taken.length, 77).toString(16).padStart(8, "0").repeat(8);
  const next = { id, at: Date.now() };
  (taken as Taken[]).unshift(next);
  return next;
}

export interface Box {
  login: string;
  path: string;
  /** Messages that ever were. */
  total: number;
  index: number;
}

const names = [
  ..."anna bernd chiara dmitri eszter fatima george hanako ines jonas office billing".split(" "),
];
const logins = fresh
  ? []
  : [
      ...names.map((name) => `${name}@example.org`),
      ...(scenario === "worst"
        ? [
            ...seed.worstLogins,
            ...Array.from({ length: 29 }, (_, index) => `member-${index + 1}@example.org`),
          ]
        : []),
    ];

export const boxes: readonly Box[] = logins.map((login, index) => {
  const [user = login, domain = "_"] = [
    login.slice(0, login.lastIndexOf("@")),
    login.slice(login.lastIndexOf("@") + 1),
  ];
  const total = login.startsWith("office@") ? 24_400 : 180 + (mixed(index, 9) % 900);
  return { login, path: `${domain}/${user.replaceAll("/", "_")}`, total, index };
});

export const folders = ["INBOX", "Archive/2026", "Drafts", "Junk", "Sent", "Trash"] as const;

export function folderPath(box: Box, folder: string): string {
  const below = folder === "INBOX" ? "" : `/.${folder.replaceAll("/", ".")}`;
  return `${box.path}/Maildir${below}`;
}

/** What became of a message over time. */
interface Life {
  born: number;
  died: number;
  folder: string;
  moved: { at: number; to: string } | undefined;
  hash: number;
}

export function life(box: Box, number: number): Life {
  const hash = mixed(box.index * 131_071 + number, 5);
  const born = now - ((box.total - number) * SPAN) / box.total;
  const dice = hash % 100;
  const inbox = box.login.startsWith("office@") ? 86 : 60;
  const folder =
    dice < inbox
      ? "INBOX"
      : dice < inbox + 6
        ? "Archive/2026"
        : dice < 94
          ? "Sent"
          : at(["Drafts", "Junk", "Trash"], hash >>> 8);
  // Whoever got into her account put away what would have betrayed them.
  const stolen =
    attacked && box.login.startsWith("anna@") && folder === "INBOX" && hash % 4 === 1
      ? now - 30 * HOUR
      : undefined;
  const died =
    stolen !== undefined && stolen > born
      ? stolen
      : hash % 53 === 0
        ? born + (2 + ((hash >>> 5) % 60)) * DAY
        : Infinity;
  const moved =
    folder === "INBOX" && hash % 41 === 3
      ? { at: born + (1 + ((hash >>> 7) % 20)) * DAY, to: "Archive/2026" }
      : undefined;
  return { born, died, folder, moved, hash };
}

/** A message as it was at a time; undefined where it wasn't there. */
export function seenAt(box: Box, number: number, time: number) {
  const it = life(box, number);
  if (it.born > time || it.died <= time) return undefined;
  return {
    folder: it.moved && it.moved.at <= time ? it.moved.to : it.folder,
    flags: flagsAt(it, time),
  };
}

function flagsAt({ born, hash, folder }: Life, time: number): t.MailFlag[] {
  const flags: t.MailFlag[] = [];
  if (folder === "Sent" || (hash % 9 !== 0 && born + (hash % 50) * HOUR <= time))
    flags.push("seen");
  if (hash % 7 === 2 && born + (hash % 90) * HOUR <= time) flags.push("answered");
  if (hash % 31 === 4 && born + (hash % 200) * HOUR <= time) flags.push("flagged");
  if (folder === "Drafts") flags.push("draft");
  if (hash % 83 === 5) flags.push("passed");
  if (folder === "Trash" && hash % 3 === 0) flags.push("deleted");
  return flags;
}

const letters: Record<t.MailFlag, string> = {
  draft: "D",
  flagged: "F",
  passed: "P",
  answered: "R",
  seen: "S",
  deleted: "T",
};

export function messagePath(box: Box, number: number, time: number): string {
  const seen = seenAt(box, number, time);
  const flags = (seen?.flags ?? [])
    .map((flag) => letters[flag])
    .toSorted()
    .join("");
  const name = `${Math.floor(life(box, number).born / 1000)}.M${number}P41.mx1`;
  return `${folderPath(box, seen?.folder ?? "INBOX")}/cur/${name}:2,${flags}`;
}

/** Which message a path names. */
export function messageOf(path: string): { box: Box; number: number } | undefined {
  const number = Number(/\.M(\d+)P41\./.exec(path)?.[1] ?? NaN);
  const box = boxOf(path);
  return box && Number.isFinite(number) ? { box, number } : undefined;
}

export function boxOf(path: string): Box | undefined {
  return boxes.find((box) => path === box.path || path.startsWith(`${box.path}/`));
}

const kept = new Map<string, number[]>();

/** The messages of a folder at a time, the oldest first. */
export function numbersIn(box: Box, folder: string, time: number): number[] {
  const key = `${box.index} ${folder} ${time}`;
  const known = kept.get(key);
  if (known) return known;
  const found: number[] = [];
  for (let number = 0; number < box.total; number += 1)
    if (seenAt(box, number, time)?.folder === folder) found.push(number);
  kept.set(key, found);
  return found;
}

export function countIn(box: Box, time: number): number {
  let count = 0;
  for (let number = 0; number < box.total; number += 1) {
    const { born, died } = life(box, number);
    if (born <= time && died > time) count += 1;
  }
  return count;
}

/** The message that it answers. */
function parentOf(box: Box, number: number): number | undefined {
  const hash = mixed(number, box.index + 40);
  const parent = number - 1 - (hash % 6);
  return hash % 4 === 0 && parent >= 0 ? parent : undefined;
}

export function threadOf(box: Box, number: number): { root: number; depth: number } {
  let root = number;
  let depth = 0;
  for (let parent = parentOf(box, root); parent !== undefined && depth < 6;) {
    root = parent;
    depth += 1;
    parent = parentOf(box, root);
  }
  return { root, depth };
}

const subjects = [
  "Minutes of the board meeting",
  "Invoice 2026-0412 from Nordlicht Print",
  "Re-scheduling the rehearsal on Thursday",
  "Your order has been sent",
  "Draft of the annual report",
  "Key to the archive room",
  "Newsletter: what happened in October",
  "Protokoll der Mitgliederversammlung",
  "Запит щодо членського внеску",
  "Photos of the summer fair",
  "Question about the membership fee",
  "Backup rota for December",
  "Your account will be closed",
  "Offer for the new printer",
  "Holiday plan 2027",
];
const strange = [
  "مرحبا بكم في الاجتماع السنوي للجمعية — جدول الأعمال المرفق",
  "日本語の件名:年次総会のお知らせと出席確認のお願い",
  "Ответ на ваш запрос № 123/45-Ж о предоставлении сведений",
  "नमस्ते — वार्षिक रिपोर्ट का मसौदा",
  "\u202Egpj.exe of the summer fair",
  "",
  "🎉🎊🥳 You won!!! 💸💸💸",
  `${"AnUnbrokenSubjectThatGoesOnAndOn".repeat(8)}`,
  "<img src=x onerror=alert(1)> Important",
];
const people = [
  "Nordlicht Print <rechnung@nordlicht.example>",
  "Tomás Ferreira <tomas@ferreira.example>",
  "City Library <events@library.example>",
  "Oksana Marchenko <oksana@marchenko.example>",
  "Web shop <orders@shop.example>",
  "Ines Duarte <ines@example.org>",
  "Jonas Weiß <jonas@example.org>",
  "Post office <no-reply@post-office-security.example>",
];

export function subjectOf(box: Box, number: number): string {
  const { root, depth } = threadOf(box, number);
  const hash = mixed(box.index * 77 + root, 21);
  const all = scenario === "worst" ? [...subjects, ...strange] : subjects;
  return `${depth > 0 ? "Re: " : ""}${at(all, hash)}`;
}

export function senderOf(box: Box, number: number): string {
  const it = life(box, number);
  if (it.folder === "Sent" || it.folder === "Drafts") return box.login;
  if (scenario === "worst" && it.hash % 13 === 0)
    return `${"A sender with a display name of remarkable length ".repeat(3)}<${seed.worstLogins[0] ?? ""}>`;
  return at(people, it.hash >>> 3);
}

export function sizeOf(box: Box, number: number): number {
  const { hash } = life(box, number);
  return hash % 17 === 0 ? 400_000 + (hash % 9_000_000) : 1_800 + (hash % 60_000);
}

export const hasAttachments = (hash: number) => hash % 6 === 2 || hash % 17 === 0;

/** Of what kind the content is. */
export type Kind = "plain" | "newsletter" | "letter" | "phishing";

export function kindOf(box: Box, number: number): Kind {
  const subject = subjectOf(box, number);
  if (subject.includes("account will be closed")) return "phishing";
  if (subject.includes("Newsletter") || subject.includes("order")) return "newsletter";
  return life(box, number).hash % 3 === 0 ? "plain" : "letter";
}

/** The words of a message, for the search. */
export function wordsOf(box: Box, number: number): string {
  const hash = mixed(number, box.index + 3);
  return `${at(opening, hash)} ${at(middle, hash >>> 4)} ${at(closing, hash >>> 9)}`;
}

const opening = [
  "Dear all, here is what we decided on Tuesday.",
  "Thank you for your patience with the printer.",
  "Liebe Kolleginnen und Kollegen, anbei das Protokoll der letzten Sitzung.",
  "Доброго дня! Надсилаю перелік питань до зустрічі.",
  "Hello, could you look at the invoice again?",
];
const middle = [
  "The rehearsal moves to Thursday at seven, in the small hall; the key hangs in the office.",
  "The amount of 412.60 EUR is due within fourteen days, the account number is on the second page.",
  "Please send your corrections to the annual report before the end of the month.",
  "We found the photos of the fair and put them on the shared drive.",
  "Nobody has answered the landlord yet; who takes it?",
];
const closing = ["Kind regards, Ines", "Best wishes, Jonas", "Mit freundlichen Grüßen, Bernd", ""];
