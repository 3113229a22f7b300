import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { navigate } from "./core.ts";
import { open } from "./open.ts";

test("works an inbox by keyboard, with undo", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/alerts", ready: "3 open alerts, 1 critical." });
  await expect(page.getByRole("link", { name: /Alerts 3/ })).toBeVisible();
  await page.getByRole("row", { name: /Critical/ }).focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/alerts\/al1/);
  await page.keyboard.press("a");
  await expect(page.getByText(/^Acknowledged: anna/)).toBeVisible();
  await expect(page.getByText("2 open alerts, none critical.")).toBeVisible();
  await expect(page).toHaveURL(/alerts\/al2/);
  await expect(page.getByRole("row", { name: /failed on 8 accounts/ })).toBeFocused();

  await page.keyboard.press("r");
  await expect(page.getByText(/^Resolved: 198/)).toBeVisible();
  await expect(page.getByRole("link", { name: "Open 1", exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).last().click();
  await expect(page.getByRole("row", { name: /failed on 8 accounts/ })).toBeVisible();
});

test("shows the console's own alert, which ends by itself", async ({ page }) => {
  await open(page, { scenario: "offline", hash: "#/alerts/own1", ready: "ends by itself" });
  await expect(page.getByRole("button", { name: "Acknowledge" })).toHaveCount(0);
  await page.keyboard.press("a");
  await expect(page.getByText("This alert ends by itself.", { exact: true })).toBeVisible();
});

test("writes a note into an alert's history", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/alerts/al2?show=all", ready: "Evidence" });
  await page.getByLabel("Note for the history").fill("Asked the provider");
  await page.getByRole("button", { name: "Resolve" }).click();
  await expect(page.getByText("Asked the provider")).toBeVisible();
  await expect(page.getByRole("button", { name: "Open again" })).toBeVisible();
});

test("follows evidence to its event and comes back", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/alerts/al1", ready: "Evidence" });
  await page.getByRole("region", { name: "Evidence" }).getByRole("link").first().click();
  await expect(page.getByRole("heading", { name: "Activity" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Facts" })).toBeVisible();
  await page.goBack();
  await expect(page).toHaveURL(/alerts\/al1/);
});

test("goes where a notification points, also to what is already open", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/settings/about", ready: "Data folder" });
  await navigate(page, "/alerts/al2");
  await expect(page.getByRole("heading", { name: /failed on 8 accounts/ })).toBeVisible();
});

test("blocks by hand, lifts, and undoes the lifting", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/blocks", ready: "4 blocks in force" });
  await page.keyboard.press("n");
  await expect(page.getByLabel("Address, network or account")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByText("Write an address (203.0.113.7)")).toBeVisible();
  await page.keyboard.type("2001:db8:77::/48");
  await page.keyboard.press("Enter");
  await expect(page.getByText("5 blocks in force")).toBeVisible();
  await page.getByRole("row", { name: /2001:db8:77/ }).click();
  await page.getByRole("button", { name: "Lift the block" }).click();
  await expect(page.getByText("4 blocks in force")).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).last().click();
  await expect(page.getByText("5 blocks in force")).toBeVisible();
});

test("lifts from the row, and asks before a block that would refuse the admin", async ({
  page,
}) => {
  await open(page, { scenario: "attack", hash: "#/blocks", ready: "4 blocks in force" });
  await page.getByRole("button", { name: "Lift 192.0.2.0/24" }).click();
  await expect(page.getByText("3 blocks in force")).toBeVisible();
  await expect(page).toHaveURL(/#\/blocks$/);
  await page.getByRole("button", { name: "Block…" }).click();
  await page.keyboard.type("203.0.113.24");
  await expect(page.getByText("One address")).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByText("This block would refuse you, too.")).toBeVisible();
  await page.getByRole("button", { name: "Block anyway" }).click();
  await expect(page.getByText("4 blocks in force")).toBeVisible();
});

test("closes the innermost thing with Esc, one after the other", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/alerts/al1", ready: "Evidence" });
  await page.keyboard.press("?");
  const keys = page.getByRole("dialog", { name: "Keys of this page" });
  await expect(keys.getByText("Acknowledge")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(keys).toBeHidden();
  await expect(page).toHaveURL(/al1/);
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(/#\/alerts$/);
});

test("goes anywhere with Ctrl+K", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/activity", ready: "4,000 events" });
  const palette = page.getByRole("dialog", { name: "Go anywhere" });
  await page.keyboard.press("Control+k");
  await page.keyboard.type("mail ser");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/settings\/servers/);
  await expect(palette).toBeHidden();

  await page.keyboard.press("Control+k");
  await page.keyboard.type("198.51.100.7");
  await page.keyboard.press("Enter");
  await expect(page.getByText("events match")).toBeVisible();

  await page.keyboard.press("Control+k");
  await page.keyboard.type("dark");
  await page.keyboard.press("Enter");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");

  await page.keyboard.press("Control+k");
  await page.keyboard.press("ArrowUp");
  await expect(page.getByRole("option", { name: /Keys of this page/ })).toHaveAttribute(
    "aria-selected",
    "true",
  );
  await page.keyboard.press("Escape");
  await expect(palette).toBeHidden();
});

test("says once what happened to the local copy", async ({ page }) => {
  await open(page, { scenario: "notices", hash: "#/alerts", ready: "The local copy was damaged" });
  await page.getByRole("button", { name: "Dismiss" }).first().click();
  await expect(page.getByText("The local copy was damaged")).toBeHidden();
  await page.getByRole("link", { name: "Activity" }).click();
  await expect(page.getByText("The local copy was damaged")).toBeHidden();
});

test("shows the copy after the session ended, and signs in again", async ({ page }) => {
  await open(page, { scenario: "signed-out", hash: "#/activity", ready: "Your session ended" });
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Login").fill("admin@example.org");
  await page.getByLabel("Password", { exact: true }).fill("right");
  await page.keyboard.press("Enter");
  await page.getByLabel("Six-digit code").pressSequentially("123456");
  await expect(page.getByRole("navigation", { name: "Pages" })).toBeVisible();
  await expect(page.getByText("Your session ended")).toBeHidden();
});

test("changes the look at once", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/settings/appearance", ready: "Theme" });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.getByLabel("Dark").check();
  await expect.poll(background).not.toBe(light);
});

test("sets a passphrase, locks, and unlocks with it", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/settings/lock", ready: "Lock by itself" });
  await page.getByRole("button", { name: "Set a passphrase" }).click();
  await page.getByLabel("New passphrase").fill("four words are enough");
  await page.getByLabel("The same again").fill("four words are enough");
  await page.keyboard.press("Enter");
  await page.getByLabel("After no input for").selectOption("15 minutes");
  await page.getByRole("button", { name: "Lock now" }).click();
  await page.getByLabel("Passphrase", { exact: true }).fill("four words are enough");
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("After no input for")).toHaveValue("15");
});

test("locks itself after idle minutes, not before, and not while in use", async ({ page }) => {
  await page.clock.install();
  await open(page, { scenario: "well", hash: "#/settings/lock", ready: "Lock by itself" });
  await page.getByRole("button", { name: "Set a passphrase" }).click();
  await page.getByLabel("New passphrase").fill("four words are enough");
  await page.getByLabel("The same again").fill("four words are enough");
  await page.keyboard.press("Enter");
  await page.getByLabel("After no input for").selectOption("5 minutes");
  await page.clock.runFor("04:30");
  await page.mouse.move(300, 300);
  await page.clock.runFor("04:30");
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
  await page.clock.runFor("00:40");
  await expect(page.getByRole("heading", { name: "Locked" })).toBeVisible();
});

test("sets a mail relay and shows its own answer to a test", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/settings/mail", ready: "How mail leaves" });
  await page.getByLabel("An SMTP relay").check();
  await page.getByLabel("Host").fill("nowhere.example.org");
  await page.getByLabel("Security").selectOption("TLS (465)");
  await expect(page.getByLabel("Port")).toHaveValue("465");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("This name does not resolve.")).toBeVisible();
  await page.getByLabel("Host").fill("smtp.example.org");
  await page.getByLabel("Password", { exact: true }).fill("secret");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Empty keeps the stored one.")).toBeVisible();

  await page.getByRole("button", { name: "Send a test message" }).click();
  await expect(page.getByText("Accepted: 250 2.0.0 Ok")).toBeVisible();
  await page.getByLabel("To", { exact: true }).fill("refused@example.org");
  await page.getByRole("button", { name: "Send a test message" }).click();
  await expect(page.getByText("Refused: 550 5.1.1")).toBeVisible();
});

test("adds an authenticator, makes recovery codes, removes the authenticator", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/settings/factors", ready: "Second factors" });
  await page.getByRole("button", { name: "Add an authenticator" }).click();
  await expect(page.getByRole("img", { name: "QR code" })).toBeVisible();
  await page.getByLabel("Code from the app").pressSequentially("000000");
  await expect(page.getByText("Check your phone's clock")).toBeVisible();
  await page.getByLabel("Code from the app").pressSequentially("123456");
  await expect(page.getByText("Authenticator added")).toBeVisible();

  await page.getByRole("button", { name: "Make new ones" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Make new ones" }).click();
  await page.getByLabel("I have saved these codes").check();
  await page.getByRole("button", { name: "Done" }).click();

  await page.getByRole("button", { name: "Remove…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove", exact: true }).click();
  await expect(page.getByText("Authenticator app removed")).toBeVisible();
});

test("shows where the focus is, on every stop of the way through a page", async ({ page }) => {
  await open(page, { scenario: "attack", hash: "#/alerts/al1", ready: "Evidence" });
  const stops: string[] = [];
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const focused = document.activeElement;
      if (!focused || focused === document.body) return undefined;
      const { outlineStyle, outlineWidth } = getComputedStyle(focused);
      const box = focused.getBoundingClientRect();
      return {
        name: `${focused.tagName} ${focused.textContent.trim().slice(0, 40)}`,
        marked: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
        inSight: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
      };
    });
    if (!stop) break;
    expect(stop, stop.name).toMatchObject({ marked: true, inSight: true });
    stops.push(stop.name);
  }
  expect(stops.length).toBeGreaterThan(20);
});

test("nothing of the mock is in the product's bundle", () => {
  const folder = join(import.meta.dirname, "..", "dist", "assets");
  const scripts = readdirSync(folder).filter((name) => name.endsWith(".js"));
  expect(scripts.length).toBeGreaterThan(0);
  for (const name of scripts)
    expect(readFileSync(join(folder, name), "utf8")).not.toContain("open sesame");
});

test("names a device, revokes one, ends a session and all others", async ({ page }) => {
  await open(page, { scenario: "well", hash: "#/settings/devices", ready: "This device" });
  const laptop = page.getByRole("listitem", { name: "MailCup Console on laptop" });
  await page.getByRole("button", { name: "Rename MailCup Console on laptop" }).click();
  await page.getByLabel("Name", { exact: true }).fill("  ");
  await page.getByRole("button", { name: "Rename", exact: true }).click();
  await expect(page.getByText("A name has 1 to 120 characters")).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("Travel laptop");
  await page.getByRole("button", { name: "Rename", exact: true }).click();
  await expect(laptop).toBeHidden();
  const travel = page.getByRole("listitem", { name: "Travel laptop" });
  await expect(travel.getByRole("button", { name: "End a session" })).toHaveCount(2);

  await travel.getByRole("button", { name: "End a session" }).first().click();
  await expect(page.getByText("Session on Travel laptop ended")).toBeVisible();
  await expect(travel.getByRole("button", { name: "End a session" })).toHaveCount(1);
  await page.getByRole("button", { name: "End all other sessions…" }).click();
  await expect(page.getByText("Sessions that end at once: 1.")).toBeVisible();
  await page.getByRole("button", { name: "End all others" }).click();
  await expect(travel.getByText("Not signed in now.")).toBeVisible();
  await expect(page.getByRole("button", { name: "End all other sessions…" })).toBeHidden();

  await expect(page.getByRole("button", { name: "Revoke MailCup Console on desk-7" })).toBeHidden();
  await page.getByRole("button", { name: "Revoke Tablet in the kitchen" }).click();
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  await expect(page.getByText("Tablet in the kitchen revoked")).toBeVisible();
  await expect(page.getByRole("listitem", { name: "Tablet in the kitchen" })).toBeHidden();
});

test("asks for password and factor again, and goes on with what was asked", async ({ page }) => {
  await open(page, { scenario: "again", hash: "#/settings/factors", ready: "Second factors" });
  const again = page.getByRole("dialog", { name: "Confirm that it is you" });
  const renew = async () => {
    await page.getByRole("button", { name: "Make new ones" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Make new ones" }).click();
  };
  await renew();
  await again.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("This needs your password and a second factor")).toBeVisible();

  await renew();
  await again.getByLabel("Password", { exact: true }).fill("wrong");
  await page.keyboard.press("Enter");
  await expect(again.getByText("The password is wrong.")).toBeVisible();
  await again.getByLabel("Password", { exact: true }).fill("right");
  await page.keyboard.press("Enter");
  await expect(again.getByText("We sent a code to ma•••@example.org.")).toBeVisible();
  await page.keyboard.type("000000");
  await expect(again.getByText("The code is wrong.")).toBeVisible();
  await page.keyboard.type("123456");
  await expect(page.getByText("I have saved these codes")).toBeVisible();
  await expect(again).toBeHidden();
});
