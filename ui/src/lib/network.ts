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
