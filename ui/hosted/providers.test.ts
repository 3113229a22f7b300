import { expect, type Page, test } from "@playwright/test";
import { givePassword, look, submit } from "./person.ts";
import { stage } from "./stage.ts";

interface Double {
  /** Where the provider's documentation has its script loaded from. */
  script: RegExp;
  /** The element that becomes the widget, the field that then holds its token, and the frame it shows. */
  widget?: { element: string; field: string; frame: string };
  /** What else the script loads. */
  more?: string;
}

const DOUBLES: Record<string, Double> = {
  turnstile: {
    script: /^https:\/\/challenges\.cloudflare\.com\/turnstile\/v0\/api\.js$/,
    widget: {
      element: "cf-turnstile",
      field: "cf-turnstile-response",
      frame: "https://challenges.cloudflare.com/cdn-cgi/challenge-platform/turnstile",
    },
  },
  hcaptcha: {
    script: /^https:\/\/js\.hcaptcha\.com\/1\/api\.js$/,
    widget: {
      element: "h-captcha",
      field: "h-captcha-response",
      frame: "https://newassets.hcaptcha.com/captcha/v1/static/hcaptcha.html",
    },
    more: "https://newassets.hcaptcha.com/captcha/v1/hsw.js",
  },
  recaptcha_v2: {
    script: /^https:\/\/www\.google\.com\/recaptcha\/api\.js$/,
    widget: {
      element: "g-recaptcha",
      field: "g-recaptcha-response",
      frame: "https://www.google.com/recaptcha/api2/anchor",
    },
    more: "https://www.gstatic.com/recaptcha/releases/1/recaptcha__en.js",
  },
  recaptcha_v3: {
    script: /^https:\/\/www\.google\.com\/recaptcha\/api\.js\?render=/,
    more: "https://www.gstatic.com/recaptcha/releases/1/recaptcha__en.js",
  },
};

test("a provider's captcha is loaded, shown and believed", async ({ page }) => {
  const { name, token } = stage.provider ?? { name: "", token: "" };
  const double = DOUBLES[name];
  if (!double) throw new Error(`no double of ${name}`);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  const loaded = await run(page, double, token);

  await page.goto("/mail/");
  for (let failures = 0; failures < 3; failures += 1) {
    expect(loaded, "nothing comes from elsewhere before behaviour is suspicious").toEqual([]);
    await givePassword(page, "not this one");
    await expect(page.getByText("Login or password is wrong.")).toBeVisible();
  }
  await expect(page.getByText("The check comes from")).toBeVisible();
  if (double.widget) {
    await expect(page.locator(`[name="${double.widget.field}"]`)).toHaveValue(token);
    await expect(page.frameLocator("iframe").getByText("I am human")).toBeVisible();
  }
  await look(page, name);
  await submit(page, "Go on", { "Mail address": stage.login, Password: stage.password });
  await expect(page.getByText("A code of six digits was mailed to")).toBeVisible();
  // Refusals of the form are errors in the console; what the page's policy forbids would be another.
  expect(complaints.filter((text) => !text.includes("403"))).toEqual([]);
  if (double.more) expect(loaded).toContain(double.more);
});

/** Answers for the provider, as its documentation has it; says what was loaded from there. */
async function run(page: Page, double: Double, token: string): Promise<string[]> {
  const loaded: string[] = [];
  await page.route(
    (url) => url.origin !== stage.base,
    async (route) => {
      const url = route.request().url();
      loaded.push(url);
      if (url === double.more) await route.fulfill({ contentType: "text/javascript", body: "" });
      else if (double.script.test(url))
        await route.fulfill({ contentType: "text/javascript", body: script(double, token) });
      else if (double.widget && url.startsWith(double.widget.frame))
        await route.fulfill({ contentType: "text/html", body: FRAME });
      else await route.abort();
    },
  );
  return loaded;
}

const FRAME = `<!doctype html><html lang="en"><title>Check</title><main><h1>I am human</h1></main></html>`;

function script({ widget, more }: Double, token: string): string {
  const also = more
    ? `document.head.append(Object.assign(document.createElement("script"), { src: "${more}" }));`
    : "";
  if (!widget)
    return `${also} window.grecaptcha = {
      ready: (call) => call(),
      execute: async (key, { action }) => (key && action ? ${JSON.stringify(token)} : ""),
    };`;
  return `${also}
    for (const element of document.querySelectorAll(".${widget.element}[data-sitekey]")) {
      const frame = Object.assign(document.createElement("iframe"), { src: "${widget.frame}", title: "Check" });
      Object.assign(frame.style, { width: "240px", height: "60px", border: "0" });
      const field = Object.assign(document.createElement("input"), { type: "hidden", name: "${widget.field}" });
      field.value = ${JSON.stringify(token)};
      element.append(frame, field);
    }`;
}
