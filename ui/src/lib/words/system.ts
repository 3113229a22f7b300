import { m } from "$messages";
import type { SystemFact } from "$host/host";
import { count } from "../format";
import { mark, type Mark } from "./mark";
import { serverName } from "./names";

export function systemMark(fact: SystemFact): Mark {
  switch (fact.fact) {
    case "outbox_stuck":
    case "clock_jumped":
      return mark(m.words_service, "alert", "warning");
    case "started":
    case "stopped":
    case "set_up":
    case "mail_server_seen":
    case "outbox_flows":
    case "events_expired":
      return mark(m.words_service, "server", "neutral");
  }
}

export function factSentence(fact: SystemFact): string {
  switch (fact.fact) {
    case "started":
      return m.words_fact_started({ version: fact.version });
    case "stopped":
      return m.words_fact_stopped();
    case "set_up":
      return m.words_fact_set_up({ organization: fact.organization });
    case "mail_server_seen":
      return m.words_fact_mail_server_seen({ server: serverName[fact.server], name: fact.name });
    case "outbox_stuck":
      return m.words_fact_outbox_stuck({ count: fact.waiting });
    case "outbox_flows":
      return m.words_fact_outbox_flows();
    case "clock_jumped":
      return m.words_fact_clock_jumped({ seconds: count(fact.seconds) });
    case "events_expired":
      return m.words_fact_events_expired({ count: fact.count });
  }
}
