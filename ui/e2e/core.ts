import type { Page } from "@playwright/test";
import type { Edit, EventBody } from "../src/generated/bindings.ts";

/** What the mocked core does by itself while a page is open. */
declare global {
  interface Window {
    core: {
      navigate: (to: string, service: string | null) => void;
      happens: (body: EventBody, times: number) => void;
      edit: (edit: Edit) => void;
      link: (kind: "live" | "offline") => void;
    };
  }
}

/** A notification or the tray asks for a page. */
export function navigate(page: Page, to: string, service: string | null = null) {
  return page.evaluate(
    ([where, whose]) => {
      window.core.navigate(where, whose);
    },
    [to, service] as const,
  );
}

/** Failed sign-ins arrive while the page is open. */
export function failures(page: Page, login: string, times: number) {
  return page.evaluate(
    ([who, count]) => {
      window.core.happens(
        {
          type: "sign_in",
          login: who,
          protocol: "imap",
          address: "203.0.113.250",
          outcome: "failed",
          reasons: [{ code: "wrong_password", text: "Wrong password", block: null }],
          server: null,
          client: null,
          tls: true,
        },
        count,
      );
    },
    [login, times] as const,
  );
}

/** Another admin changes something. */
export function edit(page: Page, wanted: Edit) {
  return page.evaluate((edited) => {
    window.core.edit(edited);
  }, wanted);
}

/** The service goes away or comes back. */
export function link(page: Page, kind: "live" | "offline") {
  return page.evaluate((to) => {
    window.core.link(to);
  }, kind);
}
