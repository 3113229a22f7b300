import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "@playwright/test";

interface Stage {
  /** Where a browser finds nginx: webmail and hosted pages. */
  base: string;
  /** The account service's private listener, and an owner's session there. */
  api: string;
  token: string;
  login: string;
  password: string;
  /** The Maildir into which Postfix delivers the account's mail. */
  maildir: string;
  /** A folder for pictures and traces. */
  output: string;
}

export const stage = read();

/** The n-th mail that came for the account, counted from one. */
export async function mail(nth: number): Promise<string> {
  let mails: string[] = [];
  const arrived = async () => {
    mails = await arrivals();
    return mails.length;
  };
  await expect.poll(arrived, `mail ${String(nth)}`).toBeGreaterThanOrEqual(nth);
  return readFile(mails[nth - 1] ?? "", "utf8");
}

export async function code(nth: number): Promise<string> {
  const found = /^\s*(\d{6})\s*$/m.exec(await mail(nth))?.[1];
  expect(found, "a code of six digits").toBeDefined();
  return found ?? "";
}

/** The path and query of the first link in a mail that begins with this path. */
export function link(mail: string, path: string): string {
  const text = mail.replaceAll(/=\r?\n/g, "").replaceAll("=3D", "=");
  const found = new RegExp(`https?://[^/\\s]+(${path}\\S+)`).exec(text)?.[1];
  expect(found, `a link to ${path}`).toBeDefined();
  return found ?? "";
}

/** Asks the service as an owner does from a console. */
export async function ask(method: string, path: string, body?: unknown): Promise<unknown> {
  const headers = { authorization: `Bearer ${stage.token}`, "content-type": "application/json" };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${stage.api}${path}`, { method, headers, ...sent });
  const text = await response.text();
  expect(response.ok, `${method} ${path}: ${text}`).toBe(true);
  return text === "" ? undefined : JSON.parse(text);
}

function read(): Stage {
  const said = process.env.MAILCUP_STAGE;
  if (said === undefined)
    throw new Error("These tests are started by `cargo nextest run -E 'binary(hosted)'`.");
  return JSON.parse(said) as Stage;
}

async function arrivals(): Promise<string[]> {
  const folder = join(stage.maildir, "new");
  const names = await readdir(folder).catch(() => []);
  const dated = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return { path, at: (await stat(path)).mtimeMs };
    }),
  );
  return dated.sort((a, b) => a.at - b.at || a.path.localeCompare(b.path)).map(({ path }) => path);
}
