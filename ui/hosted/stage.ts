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
  /** Somebody else's captcha, and the token that its `siteverify` believes. */
  provider: { name: string; token: string } | null;
}

export const stage = read();

const CODE = /^\s*(\d{6})\s*$/m;

/** The n-th mail with a code that came for the account, counted from one. */
export async function mail(nth: number): Promise<string> {
  let mails: string[] = [];
  const arrived = async () => {
    mails = (await arrivals()).filter((text) => CODE.test(text));
    return mails.length;
  };
  await expect.poll(arrived, `mail ${String(nth)} with a code`).toBeGreaterThanOrEqual(nth);
  return mails[nth - 1] ?? "";
}

export async function code(nth: number): Promise<string> {
  return CODE.exec(await mail(nth))?.[1] ?? "";
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

/** The account's mails, read by a webmail or not, in the order of their arrival. */
async function arrivals(): Promise<string[]> {
  const listed = ["new", "cur"].map(async (name) => {
    const folder = join(stage.maildir, name);
    const names = await readdir(folder).catch(() => []);
    return names.map((name) => join(folder, name));
  });
  const paths = (await Promise.all(listed)).flat();
  const dated = await Promise.all(
    paths.map(async (path) => ({ path, at: (await stat(path)).mtimeMs })),
  );
  dated.sort((a, b) => a.at - b.at || a.path.localeCompare(b.path));
  return Promise.all(dated.map(({ path }) => readFile(path, "utf8")));
}
