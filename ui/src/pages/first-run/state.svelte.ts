/**
 * What follows setup: the recovery codes, shown once, then the mail servers. The core is ready as
 * soon as setup is done, so the window itself keeps these steps open.
 */
export const welcome = $state<{
  step: "none" | "setting-up" | "codes" | "servers";
  codes: string[];
}>({ step: "none", codes: [] });

export interface SetUpForm {
  token: string;
  organization: string;
  domains: string;
  name: string;
  login: string;
  email: string;
  password: string;
}

/** Domains as people type them: commas, spaces or lines between, an @ before. */
export function readDomains(text: string): string[] {
  const domains = text
    .split(/[\s,;]+/)
    .map((domain) => domain.replace(/^@/, "").toLowerCase())
    .filter(Boolean);
  return [...new Set(domains)];
}

/** What is missing or can't be right, by field, before the service is asked. */
export function problemsOf(form: SetUpForm, needsToken: boolean): Record<string, string> {
  const problems: Record<string, string> = {};
  if (needsToken && !form.token.trim())
    problems.token = "Paste the setup token that the service printed on its console.";
  if (!form.organization.trim()) problems.organization = "Name your organization.";
  if (readDomains(form.domains).length === 0)
    problems.domains = "Name at least one mail domain, such as example.org.";
  if (!form.name.trim()) problems["owner.name"] = "Say what you are called.";
  if (!form.login.trim()) problems["owner.login"] = "Choose a login.";
  if (!/^\S+@\S+$/.test(form.email.trim()))
    problems["owner.email"] = "Give the address that one-time codes go to.";
  if (!form.password) problems["owner.password"] = "Choose a password.";
  return problems;
}

/** A login made of the e-mail address, until one is typed. */
export function loginFor(email: string): string {
  return email.trim().toLowerCase();
}
