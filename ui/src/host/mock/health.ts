import type * as t from "../host";
import { iso } from "./seed";

const GIB = 1024 ** 3;

/** How a mocked service stands. */
export function health(servers: t.MailServer[], worst: boolean, relay: boolean): t.ServiceHealth {
  const now = Date.now();
  return {
    version: "0.1.0",
    at: iso(now),
    started_at: iso(now - 12.3 * 86_400_000),
    database: worst ? 1_930 * GIB : 0.214 * GIB,
    disk: { free: worst ? 0.4 * GIB : 31.5 * GIB, size: worst ? 2_000 * GIB : 48 * GIB },
    mail_servers: servers,
    outbox: worst
      ? {
          waiting: 12_403,
          oldest_at: iso(now - 9 * 86_400_000),
          last_sent_at: iso(now - 9.5 * 86_400_000),
          last_error:
            "451 4.7.1 <mailcup@a-very-long-name-of-a-relay.internal.corp.example.org>: Relay access temporarily denied; see https://support.example.org/a/very/long/address/that/does/not/break",
        }
      : {
          waiting: 0,
          oldest_at: null,
          last_sent_at: relay ? iso(now - 2 * 3_600_000) : null,
          last_error: null,
        },
  };
}
