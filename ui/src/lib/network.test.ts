import { expect, it } from "vitest";
import { holds, isNetwork, networkAround, networkProblem, networkSize } from "./network";

it.each([
  "203.0.113.7",
  "203.0.113.0/24",
  "0.0.0.0/0",
  "2001:db8::1",
  "2001:db8::/32",
  "::",
  "1:2:3:4:5:6:7:8",
])("%s is a network", (text) => {
  expect(isNetwork(text)).toBe(true);
});

it.each([
  "",
  "anna",
  "1.2.3",
  "256.1.1.1",
  "1.2.3.4/33",
  "1.2.3.4/24/1",
  ":::",
  "1::2::3",
  "1:2:3",
  "g::1",
  "2001:db8::/129",
])("%s is none", (text) => {
  expect(isNetwork(text)).toBe(false);
});

it("takes the /24 around an IPv4 and the /64 around an IPv6 address", () => {
  expect(networkAround("203.0.113.77")).toBe("203.0.113.0/24");
  expect(networkAround("2001:db8:1:2:3::4")).toBe("2001:db8:1:2::/64");
  expect(networkAround("2001:db8::7")).toBe("2001:db8::/64");
  expect(networkAround("anna")).toBeUndefined();
});

it.each([
  ["203.0.113.0/24", undefined],
  [" 2001:db8::/32 ", undefined],
  ["", "Write an address or network"],
  ["203.0.113", "four numbers"],
  ["203.0.113.300", "from 0 to 255"],
  ["203.0.113.0/33", "from 0 to 32"],
  ["2001:db8::/129", "from 0 to 128"],
  ["203.0.113.0/", "from 0 to 32"],
  ["1.2.3.4/24/1", "Only one"],
  ["anna@example.org", "Write it like"],
])("says of %j what is wrong: %j", (text, problem) => {
  const said = networkProblem(text);
  if (problem === undefined) expect(said).toBeUndefined();
  else expect(said).toContain(problem);
  expect(said === undefined).toBe(isNetwork(text.trim()));
});

it.each([
  ["203.0.113.7", "1 address"],
  ["203.0.113.0/24", "256 addresses"],
  ["10.0.0.0/8", "16,777,216 addresses"],
  ["0.0.0.0/0", "All addresses there are"],
  ["2001:db8::/64", "One IPv6 network: what one client usually has"],
  ["2001:db8::/48", "65,536 IPv6 networks of one client each"],
  ["2001:db8::/80", "A part of one client's IPv6 network"],
])("%s holds %s", (network, size) => {
  expect(networkSize(network)).toBe(size);
});

it.each([
  ["198.51.100.0/24", "198.51.100.255", true],
  ["198.51.100.0/24", "198.51.101.0", false],
  ["198.51.100.7", "198.51.100.7", true],
  ["198.51.100.7", "198.51.100.8", false],
  ["0.0.0.0/0", "203.0.113.7", true],
  ["0.0.0.0/0", "2001:db8::1", false],
  ["2001:db8::/32", "2001:DB8:ffff::1", true],
  ["2001:db8::/64", "2001:db8:0:1::1", false],
  ["2001:db8::1", "2001:db8:0:0:0:0:0:1", true],
  ["anna", "203.0.113.7", false],
  ["0.0.0.0/0", "anna", false],
])("%s holds %s: %s", (network, address, held) => {
  expect(holds(network, address)).toBe(held);
});
