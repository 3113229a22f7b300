import { expect, type Page } from "@playwright/test";
import type { Case } from "./pages.ts";

export type Theme = "light" | "dark";

/** Opens a page of the mocked console and waits until it stands. */
export async function open(
  page: Page,
  { scenario, hash, ready, act, language }: Omit<Case, "name">,
  theme: Theme = "light",
) {
  await page.addInitScript((chosen) => {
    // As the window does before anything of the page runs.
    Object.freeze(Object.prototype);
    // A frame that shows mail has no storage.
    if (window === window.top) localStorage.setItem("theme", chosen);
  }, theme);
  await page.goto(
    `/?scenario=${scenario}&theme=${theme}${language ? `&language=${language}` : ""}${hash}`,
  );
  await expect(page.getByText(ready).first()).toBeVisible();
  if (act) await acts[act](page);
  await page.evaluate(() => document.fonts.ready);
  await settle(page);
}

/** Changes the look as the preferences do. */
export async function setTheme(page: Page, theme: Theme) {
  await page.evaluate((chosen) => {
    document.documentElement.dataset.theme = chosen;
  }, theme);
  await settle(page);
}

/** Waits until nothing moves any more, but for what moves for ever. */
async function settle(page: Page) {
  await page.evaluate(async () => {
    // What a change sets in motion begins with the next frame.
    await new Promise(requestAnimationFrame);
    await Promise.all(
      document
        .getAnimations()
        .filter((animation) => animation.effect?.getComputedTiming().iterations !== Infinity)
        .map((animation) => animation.finished.catch(() => undefined)),
    );
  });
}

async function setUp(page: Page) {
  await page.getByLabel("Setup token").fill("k7qm-2x9d");
  await page.getByLabel("Organization").fill("Example Association");
  await page.getByLabel("Mail domains").fill("example.org");
  await page.getByLabel("Your name").fill("Maria Keller");
  await page.getByLabel("Your e-mail address").fill("maria@example.org");
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await page.getByRole("button", { name: "Set up" }).click();
  await expect(page.getByLabel("I have saved these codes")).toBeVisible();
}

const acts: Record<NonNullable<Case["act"]>, (page: Page) => Promise<void>> = {
  "app-password": async (page) => {
    await page.getByRole("button", { name: "New app password" }).click();
    await expect(page.getByLabel("For which program or device")).toBeVisible();
  },
  "factor-rule": async (page) => {
    await page.getByRole("button", { name: "Change the rule for Everybody" }).click();
    await expect(page.getByLabel("Days of grace")).toBeVisible();
  },
  choose: async (page) => {
    await page.getByRole("row", { name: /Critical/ }).focus();
    await page.keyboard.press("*");
    await expect(page.getByRole("group", { name: "3 chosen" })).toBeVisible();
  },
  snooze: async (page) => {
    await page.keyboard.press("s");
    await expect(page.getByRole("dialog", { name: "Snooze 1 alert" })).toBeVisible();
  },
  filter: (page) => page.getByRole("button", { name: "Time" }).click(),
  complete: async (page) => {
    await page.keyboard.press("/");
    await page.keyboard.type("an");
    await expect(page.getByRole("option", { name: "anna@example.org" })).toBeVisible();
  },
  term: async (page) => {
    await page.getByRole("button", { name: /^Account/ }).click();
    await expect(page.getByRole("dialog", { name: "Change filter Account" })).toBeVisible();
  },
  views: (page) => page.getByRole("button", { name: "Refused today" }).click(),
  export: async (page) => {
    await page.getByRole("button", { name: "Export" }).click();
    await expect(page.getByLabel("File")).toHaveValue(/csv$/);
  },
  columns: (page) => page.getByRole("button", { name: "Columns" }).click(),
  block: async (page) => {
    await page.getByRole("button", { name: "Block", exact: true }).click();
    await expect(page.getByRole("dialog", { name: "Block" })).toBeVisible();
  },
  network: async (page) => {
    await page.getByRole("button", { name: "Block", exact: true }).click();
    await page.getByRole("dialog").getByText("Network", { exact: true }).click();
    await expect(page.getByText("256 addresses")).toBeVisible();
  },
  toast: async (page) => {
    await page.getByRole("button", { name: "Block", exact: true }).click();
    await page.getByRole("button", { name: "1 day" }).click();
    await expect(page.getByRole("button", { name: "Undo" })).toBeVisible();
  },
  switcher: (page) => page.getByRole("button", { name: /^Service:/ }).click(),
  untrusted: async (page) => {
    await page.getByLabel("Address of the service").fill("self-signed.example.com");
    await page.getByRole("button", { name: "Connect" }).click();
    await expect(page.getByRole("button", { name: "Trust this certificate" })).toBeVisible();
  },
  trust: async (page) => {
    await page.getByRole("button", { name: "Compare certificates" }).click();
    await expect(page.getByText("What it shows now")).toBeVisible();
  },
  "lock-out": async (page) => {
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await expect(page.getByRole("dialog", { name: "This locks you out" })).toBeVisible();
  },
  "dry-run": async (page) => {
    await page.getByRole("button", { name: "Run", exact: true }).click();
    const verdict = page.getByText(/would have been refused/);
    await verdict.scrollIntoViewIfNeeded();
    await expect(verdict).toBeVisible();
  },
  decide: async (page) => {
    await page.getByRole("button", { name: "Test", exact: true }).click();
    await expect(page.getByText("A deny rule in force matches")).toBeVisible();
  },
  learn: async (page) => {
    await page.getByRole("button", { name: "Propose networks" }).click();
    await expect(page.getByText(/4 networks cover/)).toBeVisible();
  },
  import: async (page) => {
    await page.getByRole("button", { name: "Import and export" }).click();
    await page.getByRole("menuitem", { name: "Import…" }).click();
    await page.getByLabel("Or paste it").fill("scope,networks\norganization,1.2.3.400");
    await page.getByRole("button", { name: "Look at it" }).click();
    await expect(page.getByText("Line 2")).toBeVisible();
  },
  "forget-copy": async (page) => {
    await page.getByRole("button", { name: "Forget it…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Forget the copy" }).click();
    await expect(page.getByRole("dialog").getByRole("alert")).toBeVisible();
  },
  messages: async (page) => {
    await page.locator(".messages").getByRole("checkbox").nth(1).click();
    await expect(page.getByText("1 message chosen")).toBeVisible();
  },
  message: async (page) => {
    await page.locator(".messages").getByRole("row").nth(3).click();
    await expect(page.getByRole("article").getByRole("link", { name: "Headers" })).toBeVisible();
  },
  restore: async (page) => {
    await page.locator(".messages").getByRole("row").nth(3).click();
    await page.getByRole("article").getByRole("button", { name: "Restore…" }).click();
    await expect(page.getByRole("dialog")).toContainText("Nothing is written over");
  },
  "export-mail": async (page) => {
    await page.locator(".messages").getByRole("row").nth(3).click();
    await page.getByRole("article").getByRole("button", { name: "Export…" }).click();
    await expect(page.getByRole("dialog")).toContainText("written unencrypted");
  },
  "wrong-color": async (page) => {
    await page.getByLabel("Color of the hosted pages").fill("#zzz");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("alert")).toContainText("A color is");
  },
  target: async (page) => {
    await page.keyboard.press("n");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Kind").selectOption({ label: "SSH host (SFTP)" });
    await dialog.getByRole("button", { name: "Test" }).click();
    await expect(dialog.getByRole("button", { name: "Trust this key" })).toBeInViewport();
  },
  "put-back": async (page) => {
    await page.getByRole("button", { name: "Put back…" }).click();
    await expect(page.getByRole("dialog").getByText("as it was on")).toBeVisible();
  },
  shortcuts: async (page) => {
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog")).toBeVisible();
  },
  palette: async (page) => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").last().fill("an");
    await expect(page.getByRole("option", { name: "anna@example.org" })).toBeVisible();
  },
  menu: (page) => page.getByRole("button", { name: "Your account" }).click(),
  passphrase: (page) => page.getByRole("button", { name: "Set a passphrase" }).click(),
  missing: (page) => page.getByRole("button", { name: "Set up" }).click(),
  codes: setUp,
  servers: async (page) => {
    await setUp(page);
    await page.getByLabel("I have saved these codes").check();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "Show what to paste" }).first().click();
    await expect(page.getByText("auth_policy_server_url")).toBeVisible();
  },
  "wrong-code": async (page) => {
    await page.keyboard.type("000000");
    await expect(page.getByText("4 tries left")).toBeVisible();
  },
  recovery: (page) => page.getByRole("button", { name: "Use a recovery code" }).click(),
  again: async (page) => {
    await page.getByRole("button", { name: "Make new ones" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Make new ones" }).click();
    await expect(page.getByRole("dialog", { name: "Confirm that it is you" })).toBeVisible();
  },
  authenticator: async (page) => {
    await page.getByRole("button", { name: "Add an authenticator" }).click();
    await expect(page.getByRole("img", { name: "QR code" })).toBeVisible();
  },
};
