import type { Alert } from "$host/host";

/** An alert that says nothing of its own, for tests that write what they are about. */
export const sampleAlert: Alert = {
  id: "a1",
  kind: "repeated_failures",
  severity: "critical",
  state: "open",
  title: "",
  text: "",
  login: null,
  network: null,
  accounts: [],
  accounts_total: 0,
  addresses: [],
  addresses_total: 0,
  count: 1,
  first_at: "2026-11-24T08:00:00Z",
  last_at: "2026-11-24T08:00:00Z",
  evidence: [],
  history: [],
  version: 1,
};
