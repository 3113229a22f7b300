import { m } from "$messages";
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
  if (needsToken && !form.token.trim()) problems.token = m.first_run_missing_token();
  if (!form.organization.trim()) problems.organization = m.first_run_missing_organization();
  if (readDomains(form.domains).length === 0) problems.domains = m.first_run_missing_domains();
  if (!form.name.trim()) problems["owner.name"] = m.first_run_missing_name();
  if (!form.login.trim()) problems["owner.login"] = m.first_run_missing_login();
  if (!/^\S+@\S+$/.test(form.email.trim())) problems["owner.email"] = m.first_run_missing_email();
  if (!form.password) problems["owner.password"] = m.first_run_missing_password();
  return problems;
}

/** A login made of the e-mail address, until one is typed. */
export function loginFor(email: string): string {
  return email.trim().toLowerCase();
}
