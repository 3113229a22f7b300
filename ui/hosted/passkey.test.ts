import { type CDPSession, expect, type Page, test } from "@playwright/test";
import { givePassword, look, signIn, signOut, submit } from "./person.ts";
import { stage } from "./stage.ts";

const IN = `mail of [${stage.login}]`;

test("an owner signs in with a passkey", async ({ page, browser }) => {
  const device = await Device.of(page);
  await page.goto("/mail/");
  await signIn(page, 1);
  await page.goto("/account");
  await page.getByRole("link", { name: "Add a passkey" }).click();
  await look(page, "passkey, its name");
  await submit(page, "Make a passkey", { "What you call it": "My laptop" });
  await expect(page.getByText("Your passkey is set up")).toBeVisible();
  const codes = await page.locator("#recovery-codes li").allInnerTexts();
  expect(codes).toHaveLength(10);
  await look(page, "passkey, set up");

  await page.goto("/account/passkeys/new");
  await submit(page, "Make a passkey", { "What you call it": "The same" });
  await expect(page.getByText("That passkey is set up already.")).toBeVisible();
  await look(page, "passkey, set up already");

  await page.goto("/account");
  await look(page, "account with a passkey");
  await page.getByRole("link", { name: "Remove the passkey My laptop" }).click();
  await look(page, "passkey, to be removed");
  await page.goto("/account");
  await page.getByRole("link", { name: "Rename the passkey My laptop" }).click();
  await look(page, "passkey, to be renamed");
  await submit(page, "Rename it", { "What you call it": "Laptop, an old one ".repeat(6) });
  await expect(page.getByText("The passkey has its new name.")).toBeVisible();
  await look(page, "account with a long name of a passkey");

  await signOut(page);
  await askForPasskey(page);
  await look(page, "passkey asked for");
  await page.getByRole("button", { name: "Sign in to Example" }).click();
  await expect(page.getByText(IN)).toBeVisible();

  await signOut(page);
  await askForPasskey(page);
  await device.goBack();
  await page.getByRole("button", { name: "Sign in to Example" }).click();
  await expect(page.getByText("That passkey was not taken.")).toBeVisible();
  await expect(page.getByText("You have 2 tries.")).toBeVisible();
  await look(page, "passkey not taken");

  const { userAgent, locale } = test.info().project.use;
  const plain = await browser.newContext({
    javaScriptEnabled: false,
    baseURL: stage.base,
    ...(userAgent === undefined ? {} : { userAgent }),
    ...(locale === undefined ? {} : { locale }),
  });
  const without = await plain.newPage();
  await askForPasskey(without);
  // Text within noscript is found by its place alone.
  await expect(without.locator("noscript p")).toBeVisible();
  await expect(without.locator("noscript p")).toContainText("A passkey needs JavaScript");
  await expect(without.getByRole("button", { name: "Sign in to Example" })).toBeHidden();
  await without.getByRole("link", { name: "Use a recovery code instead" }).click();
  await submit(without, "Sign in to Example", { "Recovery code": codes[0] ?? "" });
  await expect(without.getByText(IN)).toBeVisible();
  await plain.close();
});

async function askForPasskey(page: Page) {
  await page.goto("/mail/");
  await givePassword(page);
  await expect(page.getByRole("heading", { name: "Use your passkey" })).toBeVisible();
}

/** Chromium's virtual authenticator: a laptop whose owner confirms at once. */
class Device {
  private constructor(
    private readonly cdp: CDPSession,
    private readonly authenticatorId: string,
  ) {}

  static async of(page: Page): Promise<Device> {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("WebAuthn.enable");
    const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    return new Device(cdp, authenticatorId);
  }

  /** Lets it count from the beginning, as a copy from the past does. */
  async goBack() {
    const { authenticatorId } = this;
    const { credentials } = await this.cdp.send("WebAuthn.getCredentials", { authenticatorId });
    await this.cdp.send("WebAuthn.clearCredentials", { authenticatorId });
    for (const credential of credentials)
      await this.cdp.send("WebAuthn.addCredential", {
        authenticatorId,
        credential: { ...credential, signCount: 0 },
      });
  }
}
