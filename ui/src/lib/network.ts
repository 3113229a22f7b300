import { m } from "$messages";

/** IP addresses and networks in CIDR notation, as far as a page must understand them. */

const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

function isIpv4(text: string): boolean {
  return IPV4.test(text);
}

/** The eight groups of an IPv6 address; undefined if it is none. */
function ipv6Groups(text: string): number[] | undefined {
  if (!text.includes(":") || text.split("::").length > 2) return undefined;
  const [head = "", tail] = text.split("::");
  const parse = (part: string) => (part === "" ? [] : part.split(":"));
  const left = parse(head);
  const right = tail === undefined ? [] : parse(tail);
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array<string>(Math.max(0, missing)).fill("0"), ...right];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.map((group) => parseInt(group, 16));
}

/** Whether the text is an address or a network. */
export function isNetwork(text: string): boolean {
  const [address = "", prefix, ...more] = text.split("/");
  if (more.length > 0) return false;
  const longest = isIpv4(address) ? 32 : ipv6Groups(address) ? 128 : undefined;
  if (longest === undefined) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= longest);
}

/** The bits of an address as one number, and how many there are. */
function bits(address: string): { value: bigint; length: number } | undefined {
  if (isIpv4(address)) {
    const value = address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
    return { value, length: 32 };
  }
  const groups = ipv6Groups(address);
  if (!groups) return undefined;
  return { value: groups.reduce((sum, group) => sum * 65_536n + BigInt(group), 0n), length: 128 };
}

/** Whether a network, or a single address, holds an address. */
export function holds(network: string, address: string): boolean {
  if (!isNetwork(network)) return false;
  const [base = "", prefix] = network.split("/");
  const within = bits(base);
  const one = bits(address);
  if (!within || !one || within.length !== one.length) return false;
  const free = BigInt(within.length - Number(prefix ?? within.length));
  return within.value >> free === one.value >> free;
}

/** The network around an address: the /24 of IPv4, the /64 of IPv6. */
export function networkAround(address: string): string | undefined {
  if (isIpv4(address)) return `${address.split(".").slice(0, 3).join(".")}.0/24`;
  const groups = ipv6Groups(address);
  if (!groups) return undefined;
  const kept = groups.slice(0, 4).map((group) => group.toString(16));
  while (kept.at(-1) === "0") kept.pop();
  return `${kept.join(":")}::/64`;
}

export function isIpv6(address: string): boolean {
  return ipv6Groups(address) !== undefined;
}

/** What keeps a text from being an address or network, and how to mend it; undefined if nothing. */
export function networkProblem(text: string): string | undefined {
  const [address = "", prefix, ...more] = text.trim().split("/");
  if (address === "") return m.words_network_wanted(examples);
  const longest = isIpv4(address) ? 32 : ipv6Groups(address) ? 128 : undefined;
  if (longest === undefined)
    return `${m.words_network_no_address({ text: shortened(address) })} ${hint(address)}`;
  if (more.length > 0) return m.words_network_one_slash(examples);
  if (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && Number(prefix) <= longest))
    return m.words_network_prefix({ longest });
  return undefined;
}

const examples = { example: "203.0.113.7, 203.0.113.0/24", other: "2001:db8::/32" };

function hint(address: string): string {
  const parts = address.split(".");
  if (parts.length > 1 && parts.every((part) => /^\d*$/.test(part)))
    return parts.length !== 4 || parts.includes("")
      ? m.words_network_four_numbers()
      : m.words_network_to_255();
  return m.words_network_like(examples);
}

const shortened = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

/** How many addresses a network holds, in words; undefined if it is none. */
export function networkSize(text: string): string | undefined {
  if (!isNetwork(text)) return undefined;
  const [address = "", prefix] = text.split("/");
  const longest = isIpv4(address) ? 32 : 128;
  const free = longest - Number(prefix ?? longest);
  if (free === longest) return m.words_network_all();
  if (longest === 32 || free === 0) return m.words_network_addresses({ count: 2 ** free });
  if (free === 64) return m.words_network_one_ipv6();
  if (free < 64) return m.words_network_part_ipv6();
  return free - 64 > 40
    ? m.words_network_most_ipv6()
    : m.words_network_many_ipv6({ count: 2 ** (free - 64) });
}
