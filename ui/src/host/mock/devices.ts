import type * as t from "../host";
import { challenge, now, scenario } from "./scenario";
import * as seed from "./seed";

interface Needs {
  read: <T>(answer: () => T) => Promise<T>;
  write: <T>(answer: () => T) => Promise<T>;
  problem: (code: t.Code, message: string, details?: t.Details | null) => t.Problem;
}

const HOUR = 3_600_000;
const ADDRESS = "203.0.113.24";

let devices: t.Device[] =
  scenario === "worst"
    ? Array.from({ length: 12 }, (_, index) =>
        device(`w${index}`, "A device with a very long name ".repeat(3).trim(), index, 2),
      )
    : [
        device("d1", "MailCup Console on desk-7", 0, 1),
        device("d2", "MailCup Console on laptop", 30, 2),
        { ...device("d3", "Tablet in the kitchen", 900, 0), verified_at: null },
      ];

function device(id: string, name: string, hours: number, sessions: number): t.Device {
  const at = (ago: number) => seed.iso(now - ago * HOUR - 60_000);
  const current = id === "d1" || id === "w0";
  return {
    id,
    name,
    first_seen_at: at(hours + 2_000),
    last_seen_at: at(hours),
    address: scenario === "worst" ? "2001:db8:1111:2222:3333:4444:5555:6666" : ADDRESS,
    place: { country: "DE", asn: 64_500, network: "Example Telecom" },
    verified_at: at(hours + 1_999),
    current,
    version: 1,
    sessions: Array.from({ length: sessions }, (_, index) => ({
      id: `${id}-s${index}`,
      device: { id, name },
      address: ADDRESS,
      created_at: at(hours + 40 * (index + 1)),
      last_seen_at: at(hours + index),
      expires_at: seed.iso(now + 200 * HOUR),
      current: current && index === 0,
    })),
  };
}

/** Whether password and second factor were given a short while ago. */
let fresh = scenario !== "again";

/** Ends the sessions that `ends` picks. */
function end(ends: (session: t.Session) => boolean) {
  devices = devices.map((it) => ({
    ...it,
    sessions: it.sessions.filter((session) => !ends(session)),
  }));
}

export function deviceCommands({ read, write, problem }: Needs) {
  const one = (id: string): t.Device => {
    const found = devices.find((it) => it.id === id);
    if (!found) throw problem("not_found", "There is no such device; it may have been revoked.");
    return found;
  };
  return {
    /** Refuses what needs a fresh factor, while there is none. */
    mustBeFresh: () => {
      if (!fresh)
        throw problem(
          "reauthentication_required",
          "This needs your password and a second factor again.",
        );
    },
    reauthenticate: (password: string) =>
      write(() => {
        if (password === "wrong") {
          const message = "The password is wrong.";
          throw problem("invalid", message, {
            kind: "fields",
            fields: [{ field: "password", message }],
          });
        }
        return challenge;
      }),
    sendReauthenticationCode: () => write(() => challenge),
    answerReauthentication: (_id: string, { code }: t.ChallengeAnswer) =>
      write(() => {
        if (code === "000000")
          throw problem("wrong_code", "The code is wrong.", { kind: "tries_left", tries: 2 });
        fresh = true;
        return null;
      }),
    devices: () => read(() => (scenario === "empty" ? [] : devices)),
    renameDevice: (id: string, name: string, version: number) =>
      write(() => {
        const before = one(id);
        if (before.version !== version) throw problem("stale", "Somebody changed this meanwhile.");
        if (name.trim() === "") {
          const message = "A name has 1 to 120 characters in one line.";
          throw problem("invalid", message, {
            kind: "fields",
            fields: [{ field: "name", message }],
          });
        }
        const after = { ...before, name: name.trim(), version: version + 1 };
        devices = devices.map((it) => (it.id === id ? after : it));
        return after;
      }),
    revokeDevice: (id: string) =>
      write(() => {
        devices = devices.filter((it) => it !== one(id));
        return null;
      }),
    endOwnSessions: (session: string | null) =>
      write(() => {
        end((it) => (session === null ? !it.current : it.id === session));
        return null;
      }),
  };
}
