import type {
  Account,
  Admin,
  Alert,
  Block,
  Event,
  EventBody,
  Factor,
  MailServer,
  Protocol,
  Reason,
} from "../host";
import { placeOf } from "./policySeed";

/** A sequence of numbers in [0, 1) that is the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const EPOCH = "0192f0c4b7a1e5d3";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The item at an index that goes round. */
const at = <T>(list: readonly [T, ...T[]], index: number): T =>
  list[index % list.length] ?? list[0];

export const iso = (at: number) => new Date(at).toISOString();

const people = [
  "anna",
  "bernd",
  "chiara",
  "dmitri",
  "eszter",
  "fatima",
  "george",
  "hanako",
  "ines",
  "jonas",
  "office",
  "billing",
].map((name) => `${name}@example.org`);

const homes = ["203.0.113.24", "198.51.100.7", "192.0.2.133", "2001:db8:4:17::a2", "203.0.113.90"];

export const worstLogins = [
  `${"a-very-long-local-part-that-goes-on-and-on-".repeat(2)}end@subdomain.of-a-long-name.example.org`,
  "مدير.البريد@مثال.موقع",
  "דוא״ל@example.org",
  "管理者@例え.テスト",
  "<script>alert(1)</script>@example.org",
  'o\'brien+"quoted"@example.org',
  "x@y.z",
];
export const worstAddresses = [
  "2001:db8:1111:2222:3333:4444:5555:6666",
  "255.255.255.255",
  "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
  "::1",
];

const why = (code: Reason["code"], text: string, block: string | null = null): Reason => ({
  code,
  text,
  block,
});

function signIn(
  login: string,
  protocol: Protocol,
  address: string,
  outcome: "succeeded" | "failed" | "refused" | "challenged",
  next: () => number,
): EventBody {
  const reasons = {
    succeeded: [why("credentials", "Password right"), why("nothing_against", "Nothing against it")],
    failed: [why("wrong_password", "Wrong password")],
    refused: [
      why("blocked_address", `Address ${address} is blocked by hand until tomorrow, 09:00`, "b1"),
    ],
    challenged: [why("code_requested", "Password right; a one-time code was asked for")],
  }[outcome];
  return {
    type: "sign_in",
    login,
    protocol,
    address,
    outcome,
    reasons,
    server: protocol === "web" || protocol === "api" ? null : "dovecot on mx1",
    client: next() < 0.4 ? "Thunderbird 143.0 (Linux)" : null,
    tls: next() < 0.9,
    place: placeOf(address),
  };
}

/** Lifelike events, newest first; every one `seq` apart. */
export function events(count: number, now: number, seed: number, attack: boolean): Event[] {
  const next = random(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const list: Event[] = [];
  let at = now - 9_000;
  for (let index = 0; index < count; index += 1) {
    const attacked = attack && index < 60 && index % 4 !== 3;
    let body: EventBody;
    const dice = next();
    if (attacked) {
      const known = index < 12;
      body = signIn(
        known ? "anna@example.org" : pick(people),
        pick(["imap", "submission", "imap"] as const),
        known ? "198.51.100.201" : `198.51.100.${200 + Math.floor(next() * 40)}`,
        index < 4 ? "refused" : "failed",
        next,
      );
    } else if (dice < 0.16) {
      const login = pick(people);
      body = {
        type: "submission",
        login,
        address: pick(homes),
        sender: login,
        recipients: 1 + Math.floor(next() * next() * 40),
        outcome: next() < 0.94 ? "accepted" : next() < 0.5 ? "deferred" : "abandoned",
        reasons: [why("nothing_against", "Nothing against it")],
        size: Math.floor(2_000 + next() * 400_000),
      };
    } else if (dice < 0.17) {
      body = {
        type: "system",
        ...pick([
          { fact: "started", version: "0.1.0" },
          { fact: "mail_server_seen", server: "dovecot", name: "dovecot on mx1" },
          { fact: "outbox_flows" },
          { fact: "events_expired", count: 1840 },
        ] as const),
      };
    } else if (dice < 0.18) {
      body = {
        type: "admin",
        admin: "adm1",
        login: "admin@example.org",
        action: pick(["block.create", "block.lift", "settings.mail"]),
        target: pick(["address 198.51.100.9", "network 192.0.2.0/24", "mail relay"]),
        address: "203.0.113.24",
      };
    } else if (dice < 0.19) {
      body = { type: "account", ...pick(accounts(now)) };
    } else {
      body = signIn(
        pick(people),
        pick(["imap", "imap", "imap", "submission", "pop3", "sieve", "web"] as const),
        pick(homes),
        next() < 0.91 ? "succeeded" : next() < 0.8 ? "failed" : "challenged",
        next,
      );
    }
    list.push({ id: `${EPOCH}:${count - index}`, at: iso(at), body });
    at -= attacked ? 2_000 + next() * 9_000 : 4_000 + next() * 11 * MINUTE;
  }
  return list;
}

/** Values that break layouts: long, right to left, IPv6. */
export function worstEvents(now: number): Event[] {
  const next = random(9);
  const list: Event[] = [];
  for (let index = 0; index < 400; index += 1) {
    const login = worstLogins[index % worstLogins.length] as string;
    const address = worstAddresses[index % worstAddresses.length] as string;
    const body = signIn(
      login,
      "imap",
      address,
      at(["failed", "succeeded", "refused", "challenged"] as const, index),
      next,
    );
    if (body.type === "sign_in") {
      body.client = "A client with a remarkably long name that tells its whole life ".repeat(3);
      body.server = "a-mail-server-with-a-very-long-name.internal.corp.example.org";
      if (index % 4 === 2)
        body.reasons = [
          why(
            "blocked_network",
            "Network 2001:db8:1111:2222::/64 is blocked by hand until 24 December 2026, 09:00, with the note “Somebody in this network has tried thousands of passwords”",
            "b1",
          ),
          why("wrong_password", "Wrong password"),
        ];
    }
    list.push({ id: `${EPOCH}:${400 - index}`, at: iso(now - index * 97_000), body });
  }
  return list;
}

export function accounts(now: number): Account[] {
  return people.map((login, index) => ({
    login,
    name: login.split("@")[0] ?? "",
    origin: index % 3 === 0 ? "imported" : "discovered",
    created_at: iso(now - (60 - index) * DAY),
    note: "",
    version: 1,
  }));
}

export function admin(now: number): Admin {
  return {
    id: "adm1",
    login: "admin@example.org",
    name: "Maria Keller",
    email: "maria@example.org",
    role: "owner",
    reads_mail: false,
    created_at: iso(now - 90 * DAY),
    last_sign_in_at: iso(now - 2 * HOUR),
    version: 3,
  };
}

export function alerts(now: number, log: readonly Event[]): Alert[] {
  const evidence = log.slice(0, 12).map((event) => event.id);
  const base = {
    admin: null,
    login: null,
    note: null,
  };
  const opened = (at: number) => ({ at: iso(at), state: "open" as const, ...base });
  return [
    {
      id: "al1",
      kind: "success_after_failures",
      severity: "critical",
      state: "open",
      title: "anna@example.org signed in from a new network after 14 failures",
      text: "Somebody failed 14 times with different passwords from 198.51.100.201, then signed in from 198.51.100.219. Unless this was Anna, the password is known to someone else: block the network and change the password.",
      login: "anna@example.org",
      network: "198.51.100.0/24",
      accounts: ["anna@example.org"],
      accounts_total: 1,
      addresses: ["198.51.100.219", "198.51.100.201"],
      addresses_total: 2,
      count: 15,
      first_at: iso(now - 9 * MINUTE),
      last_at: iso(now - 40_000),
      evidence,
      history: [opened(now - 40_000)],
      version: 1,
    },
    {
      id: "al2",
      kind: "network_failures",
      severity: "attention",
      state: "open",
      title: "198.51.100.0/24 failed on 8 accounts",
      text: "46 sign-ins failed on 8 accounts within 10 minutes. This looks like one list of passwords tried on many accounts.",
      login: null,
      network: "198.51.100.0/24",
      accounts: people.slice(0, 8),
      accounts_total: 8,
      addresses: Array.from({ length: 20 }, (_, index) => `198.51.100.${200 + index}`),
      addresses_total: 38,
      count: 46,
      first_at: iso(now - 12 * MINUTE),
      last_at: iso(now - 70_000),
      evidence,
      history: [opened(now - 11 * MINUTE)],
      version: 9,
    },
    {
      id: "al3",
      kind: "admin_new_device",
      severity: "notice",
      state: "open",
      title: "admin@example.org signed in on a new device",
      text: "Maria Keller signed in from “MailCup on thinkpad” at 203.0.113.24, with a second factor.",
      login: "admin@example.org",
      network: "203.0.113.24/32",
      accounts: ["admin@example.org"],
      accounts_total: 1,
      addresses: ["203.0.113.24"],
      addresses_total: 1,
      count: 1,
      first_at: iso(now - 2 * HOUR),
      last_at: iso(now - 2 * HOUR),
      evidence: evidence.slice(3, 4),
      history: [opened(now - 2 * HOUR)],
      version: 1,
    },
    ...oldAlerts(now, log),
  ];
}

export function oldAlerts(now: number, log: readonly Event[]): Alert[] {
  return Array.from({ length: 9 }, (_, index): Alert => {
    const login = people[index] as string;
    const at = now - (index + 1) * 1.4 * DAY;
    return {
      id: `old${index}`,
      kind: "repeated_failures",
      severity: index % 3 === 0 ? "attention" : "notice",
      state: index === 0 ? "acknowledged" : "resolved",
      title: `${5 + index} failed sign-ins for ${login}`,
      text: `${5 + index} different wrong passwords within 10 minutes. Nobody got in.`,
      login,
      network: "192.0.2.0/24",
      accounts: [login],
      accounts_total: 1,
      addresses: [`192.0.2.${40 + index}`],
      addresses_total: 1,
      count: 5 + index,
      first_at: iso(at - 8 * MINUTE),
      last_at: iso(at),
      evidence: log.slice(60 + index, 63 + index).map((event) => event.id),
      history: [
        { at: iso(at), state: "open", admin: null, login: null, note: null },
        {
          at: iso(at + 20 * MINUTE),
          state: index === 0 ? "acknowledged" : "resolved",
          admin: "adm1",
          login: "admin@example.org",
          note: index === 2 ? "An old phone with last year's password. Talked to Chiara." : null,
        },
      ],
      version: 2,
    };
  });
}

export function worstAlerts(now: number): Alert[] {
  return worstLogins.map((login, index) => ({
    id: `worst${index}`,
    kind: "repeated_failures",
    severity: at(["critical", "attention", "notice"] as const, index),
    state: "open",
    title: `1,284,023 failed sign-ins for ${login}`,
    text: `Somebody tried 1,284,023 different passwords for ${login} from ${worstAddresses[0]}. `.repeat(
      3,
    ),
    login,
    network: "2001:db8:1111:2222::/64",
    accounts: worstLogins,
    accounts_total: 84_021,
    addresses: worstAddresses,
    addresses_total: 12_044,
    count: 1_284_023,
    first_at: iso(now - 400 * DAY),
    last_at: iso(now - index * HOUR),
    evidence: [`${EPOCH}:400`, `${EPOCH}:399`, `${EPOCH}:gone`],
    history: [
      { at: iso(now - DAY), state: "open", admin: null, login: null, note: null },
      {
        at: iso(now - HOUR),
        state: "open",
        admin: "adm1",
        login,
        note: "Averylongwordwithoutanyspacesinitsothatitmustbebrokensomewhere".repeat(2),
      },
    ],
    version: 1,
  }));
}

export function blocks(now: number): Block[] {
  const base = {
    created_by: "adm1",
    created_by_login: "admin@example.org",
    lifted_at: null,
    lifted_by_login: null,
    version: 1,
  };
  return [
    {
      ...base,
      id: "b1",
      target: { kind: "address", address: "198.51.100.201" },
      note: "",
      created_at: iso(now - 3 * MINUTE),
      expires_at: iso(now + DAY),
    },
    {
      ...base,
      id: "b2",
      target: { kind: "network", network: "192.0.2.0/24" },
      note: "A scanner; asked its provider",
      created_at: iso(now - 4 * DAY),
      expires_at: iso(now + 26 * DAY),
    },
    {
      ...base,
      id: "b3",
      target: { kind: "account", login: "billing@example.org" },
      note: "Left the company",
      created_at: iso(now - 40 * DAY),
      expires_at: null,
    },
    {
      ...base,
      id: "b4",
      created_by: null,
      created_by_login: null,
      target: { kind: "sending", login: "sales@example.org" },
      cause: "sending_burst",
      note: "140 recipients within two hours from networks that the account does not use, 198.51.100.7 the latest; in its busiest hour before there were 40.",
      created_at: iso(now - 26 * MINUTE),
      expires_at: null,
    },
  ];
}

export function worstBlocks(now: number): Block[] {
  return worstLogins.map((login, index) => ({
    id: `wb${index}`,
    target:
      index % 2 === 0
        ? { kind: "account", login }
        : { kind: "network", network: `${worstAddresses[0]}/128` },
    note: "A note that somebody wrote late at night, with every detail of what they had seen. ".repeat(
      2,
    ),
    created_at: iso(now - index * DAY),
    created_by: "adm1",
    created_by_login: login,
    expires_at: index % 3 === 0 ? null : iso(now + index * DAY),
    lifted_at: null,
    lifted_by_login: null,
    version: 1,
  }));
}

export function factors(now: number): Factor[] {
  return [
    {
      id: "f1",
      kind: "email",
      name: "ma•••@example.org",
      created_at: iso(now - 90 * DAY),
      last_used_at: iso(now - 2 * HOUR),
      left: null,
    },
    {
      id: "f2",
      kind: "recovery_code",
      name: "Recovery codes",
      created_at: iso(now - 90 * DAY),
      last_used_at: null,
      left: 10,
    },
  ];
}

export function mailServers(now: number): MailServer[] {
  return [
    {
      server: "dovecot",
      name: "dovecot on mx1",
      first_request_at: iso(now - 80 * DAY),
      last_request_at: iso(now - 12_000),
      requests: 184_220,
    },
  ];
}

export const recoveryCodes = [
  "k7qm-2x9d-vt4w-hc8n",
  "r3pz-6j5b-ny2f-wd7k",
  "m9tc-4h8x-qk3v-jb6r",
  "d2wn-7f6p-xz9j-tv4h",
  "b5kr-9m3t-cw8q-nf2x",
  "h6vj-3d7k-pr5z-xm9t",
  "w4xf-8q2n-jd6c-kh7v",
  "t8zb-5r4m-fx7w-qc3p",
  "n3hd-6k9v-tm2r-zb5j",
  "c7pq-2w8x-hv4k-rd9f",
];

export const dovecotSnippet = `# Written by MailCup for Dovecot 2.3
auth_policy_server_url = http://127.0.0.1:8480/policy/dovecot
auth_policy_server_api_header = "Authorization: Bearer mcp_4Vq8ZbT1nXo5kGy2RwEj9LsD7fHa3CuM"
auth_policy_hash_nonce = 7f3c1d9a52e84b60
auth_policy_request_attributes = login=%{requested_username} pwhash=%{hashed_password} remote=%{rip} device_id=%{client_id} protocol=%s session_id=%{session} tls=%{secured} stage=%{passdb:pstage}
`;

export const postfixSnippet = `# Written by MailCup for Postfix 3.7
postconf -e 'smtpd_recipient_restrictions = check_policy_service { inet:127.0.0.1:10480, timeout=2s, try_limit=1, default_action=DUNNO }, permit_sasl_authenticated, reject_unauth_destination'
postconf -e 'smtpd_data_restrictions = check_policy_service { inet:127.0.0.1:10480, timeout=2s, try_limit=1, default_action=DUNNO }'
postconf -e 'smtpd_end_of_data_restrictions = check_policy_service { inet:127.0.0.1:10480, timeout=2s, try_limit=1, default_action=DUNNO }'
postfix reload
`;

/** A pattern in the shape of a QR code; the real one comes from the core. */
export function qrSvg(): string {
  const next = random(4);
  const cells: string[] = [];
  for (let y = 0; y < 29; y += 1)
    for (let x = 0; x < 29; x += 1)
      if (next() < 0.5) cells.push(`<rect x="${x}" y="${y}" width="1" height="1"/>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 33 33"><rect x="-2" y="-2" width="33" height="33" fill="#fff"/>${cells.join("")}</svg>`;
}
